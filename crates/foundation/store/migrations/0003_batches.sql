-- Many intents in one call. Each item is a job; of a batch at most `concurrency` jobs are open to workers at once, and the
-- others are parked. Whoever unparks one holds the row of the batch. `api_key` is whose limits count.
CREATE TABLE batches (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES principals (id),
    repository TEXT NOT NULL,
    api_key TEXT NOT NULL,
    concurrency BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX batches_of_owner ON batches (owner, id);

ALTER TABLE jobs ADD COLUMN batch TEXT REFERENCES batches (id);
ALTER TABLE jobs ADD COLUMN batch_item BIGINT;
ALTER TABLE jobs ADD COLUMN custom_id TEXT;
ALTER TABLE jobs ADD COLUMN parked BOOLEAN NOT NULL DEFAULT FALSE;
CREATE UNIQUE INDEX jobs_of_batch ON jobs (batch, batch_item) WHERE batch IS NOT NULL;
CREATE INDEX jobs_parked ON jobs (batch, batch_item) WHERE parked;

DROP INDEX jobs_to_claim;
DROP INDEX jobs_queued_of_owner;
CREATE INDEX jobs_to_claim ON jobs (criticality, turn, id) WHERE state = 'queued' AND NOT parked;
CREATE INDEX jobs_queued_of_owner ON jobs (owner, criticality, turn) WHERE state = 'queued' AND NOT parked;

-- What clients of OpenAI's routes upload, and what comes of it, in parts of whole lines. `owner` is whoever asks, as those
-- routes tell askers apart. A file that is not whole is being written, or whoever wrote it was lost.
CREATE TABLE files (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    purpose TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    whole BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX files_of_owner ON files (owner, id);

CREATE TABLE file_parts (
    file TEXT NOT NULL REFERENCES files (id),
    part BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (file, part)
);

-- Batches of requests to models. One process at a time works on one, until `lease_until`, and writes only with its fence.
CREATE TABLE model_batches (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    is_open BOOLEAN NOT NULL,
    fence BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX model_batches_of_owner ON model_batches (owner, id);
CREATE INDEX model_batches_to_claim ON model_batches (lease_until, id) WHERE is_open;

CREATE TABLE model_batch_lines (
    batch TEXT NOT NULL REFERENCES model_batches (id),
    line BIGINT NOT NULL,
    custom_id TEXT NOT NULL,
    request TEXT NOT NULL,
    available_at BIGINT NOT NULL,
    status BIGINT,
    answer TEXT,
    PRIMARY KEY (batch, line)
);
CREATE INDEX model_batch_lines_to_do ON model_batch_lines (batch, line) WHERE status IS NULL;
