-- Where events are sent to. The secret is needed as it is, since each delivery is signed with it: it is read for that alone.
-- `free_at` is when the next delivery may be taken: one at a time, and whoever waited longest goes first.
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    url TEXT NOT NULL,
    secret TEXT,
    old_secret TEXT,
    old_secret_until BIGINT,
    events TEXT NOT NULL,
    repository TEXT,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT,
    disabled_reason TEXT,
    failures BIGINT NOT NULL,
    free_at BIGINT NOT NULL
);

-- Events on their way. No reference to `webhooks`: a job that ends must never wait for, or fail with, a webhook that is
-- removed just then.
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    webhook TEXT NOT NULL,
    event TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    claims BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    last_status BIGINT,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    delivered_at BIGINT
);
CREATE INDEX deliveries_to_claim ON deliveries (webhook, next_at, id) WHERE state = 'pending';
CREATE INDEX deliveries_of_webhook ON deliveries (webhook, id);
CREATE INDEX deliveries_by_time ON deliveries (created_at);
