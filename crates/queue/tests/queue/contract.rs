// SPDX-License-Identifier: MPL-2.0
//! The contract, on each backend.

mod memory {
    use std::sync::Arc;

    use releng_common::Clock;
    use releng_queue::MemoryQueue;
    use releng_queue::suite::{self, Fixture};

    async fn make() -> Option<Fixture> {
        let clock = Clock::frozen(suite::start());
        let queue = MemoryQueue::new("demo", clock.clone(), suite::limits()).unwrap();
        let fixture = Fixture {
            queue: Arc::new(queue),
            clock,
            keep: Box::new(()),
        };
        std::future::ready(Some(fixture)).await
    }

    releng_queue::queue_suite!(make);
}

mod sqlite {
    use releng_queue::suite::Fixture;
    use releng_testkit::database::Backend;

    async fn make() -> Option<Fixture> {
        super::on_database(Backend::Sqlite).await
    }

    releng_queue::queue_suite!(make);
}

mod postgres {
    use releng_queue::suite::Fixture;
    use releng_testkit::database::Backend;

    async fn make() -> Option<Fixture> {
        super::on_database(Backend::Postgres).await
    }

    releng_queue::queue_suite!(make);
}

use std::sync::Arc;

use releng_common::Clock;
use releng_queue::suite::{self, Fixture};
use releng_queue::{Job, Limits, Queue as _};
use releng_testkit::database::{Backend, backends};

use crate::databases::Database;

/// Makes a queue beside another one of the same table, which must not show.
async fn on_database(backend: Backend) -> Option<Fixture> {
    if !backends().contains(&backend) {
        return None;
    }
    let database = Database::new(backend);
    let clock = Clock::frozen(suite::start());
    let queue = database.queue(&clock);
    let db = database.connect();
    let other = releng_queue::open("db:", &db, "other", clock.clone(), Limits::default()).unwrap();
    for number in 0..30 {
        let job = Job::new("of another queue").with_dedup_key(format!("k{number}"));
        other.send(job).await.unwrap();
    }
    other
        .send(Job::new("of another queue").with_dedup_key("k"))
        .await
        .unwrap();
    queue.check().await.unwrap();
    Some(Fixture {
        queue: Arc::new(queue),
        clock,
        keep: Box::new(database),
    })
}

#[test]
fn an_unknown_scheme_lists_the_known_ones_and_shows_no_secret() {
    let database = Database::new(Backend::Sqlite);
    let open = |url: &str| {
        let db = database.connect();
        releng_queue::open(url, &db, "demo", Clock::system(), Limits::default())
    };
    assert_eq!(format!("{:?}", open("db:").unwrap()), "DbQueue(demo)");
    assert_eq!(
        format!("{:?}", open("memory:").unwrap()),
        "MemoryQueue(demo)"
    );
    assert_eq!(
        open("amqps://user:secret@host").unwrap_err().message(),
        "QUEUE_URL: must be one of `db:`, `memory:`, not `amqps:…`"
    );
    assert_eq!(
        open("secret").unwrap_err().message(),
        "QUEUE_URL: must be one of `db:`, `memory:`, not `:…`"
    );
}
