// SPDX-License-Identifier: MPL-2.0
//! The contract of [`Queue`](crate::Queue) as tests. [`queue_suite!`](crate::queue_suite) runs them
//! for a backend; a fault found in one backend becomes a case for all of them.

mod failing;
mod letters;
mod sending;
mod taking;

use std::any::Any;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use releng_common::{Clock, Error, Result};

use crate::{Handle, Limits, Message};

pub use failing::*;
pub use letters::*;
pub use sending::*;
pub use taking::*;

/// An empty queue under test.
#[derive(Debug)]
pub struct Fixture {
    /// The queue, with [`limits`] and `clock`.
    pub queue: Handle,
    /// A clock that starts at [`start`] and stands still.
    pub clock: Clock,
    /// What must live as long as the queue.
    pub keep: Box<dyn Any + Send + Sync>,
}

/// Returns the limits of a queue under test.
pub fn limits() -> Limits {
    Limits {
        max_attempts: 3,
        max_jobs: 20,
    }
}

/// Returns the first moment of a test.
pub fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 250_000_000).unwrap_or_default()
}

const MINUTE: Duration = Duration::from_secs(60);

impl Fixture {
    fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// Takes what is visible, for a minute.
    async fn take(&self) -> Result<Vec<Message>> {
        self.queue.receive(10, MINUTE).await
    }

    /// Takes the only message that is visible, for a minute.
    async fn take_one(&self) -> Result<Message> {
        let mut messages = self.take().await?;
        match (messages.pop(), messages.len()) {
            (Some(message), 0) => Ok(message),
            (_, others) => Err(Error::internal(format!(
                "not one message, but {others} others"
            ))),
        }
    }

    /// Takes what is visible and returns the bodies.
    async fn take_bodies(&self) -> Result<Vec<String>> {
        Ok(self
            .take()
            .await?
            .into_iter()
            .map(|message| message.body)
            .collect())
    }
}

/// Makes one test per case of the contract. `$make` is an async function without arguments that
/// returns `Option<Fixture>`: an empty queue, or nothing when the backend is not there.
#[macro_export]
macro_rules! queue_suite {
    ($make:path) => {
        $crate::queue_suite!(@ $make:
            a_job_is_received_with_its_body_and_its_first_attempt,
            bodies_come_back_byte_for_byte_up_to_the_limit,
            a_job_that_breaks_a_limit_is_refused_by_field,
            a_delayed_job_is_hidden_until_its_time,
            jobs_come_in_the_order_of_their_times,
            a_job_with_the_key_of_a_waiting_one_is_merged,
            a_merged_job_brings_the_time_forward_and_never_back,
            a_key_is_free_again_once_its_job_is_taken,
            of_many_that_send_one_key_one_adds,
            a_full_queue_refuses_until_there_is_room,
            a_taken_message_is_hidden_until_its_time_out,
            receive_takes_no_more_than_asked,
            a_visibility_out_of_bounds_is_refused,
            an_extended_message_stays_hidden,
            a_late_receipt_holds_while_nobody_took_the_message,
            a_receipt_has_no_effect_once_another_took_the_message,
            a_receipt_has_no_effect_once_the_message_is_deleted,
            a_released_message_comes_after_its_delay_and_its_attempt_does_not_count,
            many_receivers_never_get_the_same_message,
            a_failed_message_comes_after_its_delay_with_the_next_attempt,
            the_last_failure_makes_a_dead_letter,
            a_message_whose_handlers_never_end_becomes_a_dead_letter,
            a_long_error_is_kept_in_part,
            a_failed_job_gives_way_to_a_waiting_one_with_its_key,
            a_released_job_gives_way_to_a_waiting_one_with_its_key,
            a_failed_job_with_a_key_takes_in_later_ones,
            dead_letters_come_latest_first_and_in_part,
            a_redriven_letter_has_all_its_attempts,
            a_redriven_letter_is_merged_into_a_waiting_job_with_its_key,
            a_discarded_letter_is_gone,
            only_dead_letters_are_redriven_or_discarded,
            depth_counts_each_state,
            a_working_queue_passes_its_check,
        );
    };
    (@ $make:path: $($case:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                if let Some(fixture) = $make().await {
                    $crate::suite::$case(&fixture).await.unwrap();
                }
            }
        )+
    };
}
