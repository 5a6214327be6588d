// SPDX-License-Identifier: MPL-2.0
//! The contract of [`Cache`](crate::Cache) as tests. [`cache_suite!`](crate::cache_suite) runs them
//! for a backend; a fault found in one backend becomes a case for all of them.

mod counters;
mod entries;
mod fences;
mod loads;

use std::time::Duration;

use releng_common::{Error, Result};

use crate::{Handle, Options};

pub use counters::*;
pub use entries::*;
pub use fences::*;
pub use loads::*;

/// Limit for the entries of a cache under test.
pub const MAX_ENTRY_BYTES: usize = 64 * 1024;

/// An hour: long enough that nothing expires while a case runs.
const LONG: Option<Duration> = Some(Duration::from_secs(3600));

/// Short enough to wait for.
const SHORT: Option<Duration> = Some(Duration::from_millis(50));

/// Returns the options of a cache under test.
pub fn options() -> Options {
    Options {
        max_entry_bytes: MAX_ENTRY_BYTES,
        ..Options::default()
    }
}

/// Waits until a key is absent.
async fn wait_until_absent(cache: &Handle, key: &str) -> Result<()> {
    let wait = async {
        while cache.get(key).await?.is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    };
    let outcome = tokio::time::timeout(Duration::from_secs(30), wait).await;
    outcome.unwrap_or_else(|_| Err(Error::internal(format!("`{key}` does not expire"))))
}

/// Makes one test per case of the contract. `$make` is an async function without arguments that
/// returns `Option<Handle>`: an empty cache with [`options`], which shares no key with another, or
/// nothing when the backend is not there.
#[macro_export]
macro_rules! cache_suite {
    ($make:path) => {
        $crate::cache_suite!(@ $make:
            an_absent_key_has_no_value_and_can_be_deleted,
            keys_and_values_come_back_byte_for_byte,
            a_second_value_replaces_the_first_and_its_time_to_live,
            a_value_is_gone_after_its_time_to_live,
            a_time_to_live_of_nothing_or_forever_is_accepted,
            delete_removes_all_named_keys_and_no_other,
            of_many_that_set_if_absent_one_does,
            set_if_absent_does_so_again_after_expiry_and_after_deletion,
            an_entry_over_the_limit_is_not_kept_and_ends_the_older_one,
            a_key_over_the_limit_is_always_absent,
            a_working_backend_passes_its_check,
            a_counter_counts_from_one_and_reads_as_digits,
            concurrent_increments_all_count,
            the_first_increment_sets_the_time_to_live,
            a_value_that_cannot_be_counted_is_a_conflict,
            a_fenced_value_is_stored_when_nothing_happened,
            a_fenced_value_is_refused_after_a_deletion,
            a_fenced_value_is_refused_where_another_is,
            concurrent_misses_load_once,
            a_loaded_value_is_cached_until_it_expires,
            a_failed_load_is_not_cached,
            what_was_loaded_before_a_deletion_is_not_cached,
            refresh_loads_although_a_value_is_cached,
        );
    };
    (@ $make:path: $($case:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                if let Some(cache) = $make().await {
                    $crate::suite::$case(&cache).await.unwrap();
                }
            }
        )+
    };
}
