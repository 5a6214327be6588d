-- SPDX-License-Identifier: MPL-2.0
-- Jobs of all queues of a service. Waiting: receipt and dead_at are NULL. Taken: receipt is set, and
-- visible_at is when the job may be taken again. Dead: dead_at is set. Times are UTC.
CREATE TABLE releng_jobs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue TEXT NOT NULL,
    body TEXT NOT NULL,
    dedup_key TEXT,
    visible_at TIMESTAMP NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    receipt TEXT,
    created_at TIMESTAMP NOT NULL,
    dead_at TIMESTAMP,
    last_error TEXT,
    CONSTRAINT releng_jobs_queue_is_bounded CHECK (length(queue) BETWEEN 1 AND 100),
    CONSTRAINT releng_jobs_body_is_bounded CHECK (length(body) <= 262144),
    CONSTRAINT releng_jobs_key_is_bounded CHECK (length(dedup_key) BETWEEN 1 AND 256),
    CONSTRAINT releng_jobs_error_is_bounded CHECK (length(last_error) <= 2000),
    CONSTRAINT releng_jobs_attempts_count CHECK (attempts >= 0),
    CONSTRAINT releng_jobs_dead_has_no_receipt CHECK (dead_at IS NULL OR receipt IS NULL),
    CONSTRAINT releng_jobs_dead_has_error CHECK (dead_at IS NULL OR last_error IS NOT NULL)
);

-- What to take next, and the count of jobs that are not dead.
CREATE INDEX releng_jobs_due ON releng_jobs (queue, visible_at, id) WHERE dead_at IS NULL;

-- The list of dead letters.
CREATE INDEX releng_jobs_dead ON releng_jobs (queue, dead_at, id) WHERE dead_at IS NOT NULL;

-- One waiting job per key.
CREATE UNIQUE INDEX releng_jobs_waiting_key ON releng_jobs (queue, dedup_key)
    WHERE dedup_key IS NOT NULL AND receipt IS NULL AND dead_at IS NULL;

CREATE UNIQUE INDEX releng_jobs_receipt ON releng_jobs (receipt) WHERE receipt IS NOT NULL;
