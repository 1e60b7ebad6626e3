-- One text for SQLite and PostgreSQL. Times are milliseconds since 1970-01-01 UTC; NULL means "not reported" or "not yet".

CREATE TABLE principals (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    team TEXT,
    role TEXT NOT NULL,
    repositories TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    principal TEXT NOT NULL REFERENCES principals (id),
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX api_keys_of_principal ON api_keys (principal, id);

CREATE TABLE repositories (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    location TEXT NOT NULL,
    classification TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Prompts, code and everything else that may expire apart from the rows that speak of it.
CREATE TABLE payloads (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX payloads_to_expire ON payloads (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES principals (id),
    repository TEXT NOT NULL,
    task TEXT NOT NULL,
    criticality BIGINT NOT NULL,
    turn BIGINT NOT NULL,
    deadline_at BIGINT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    state TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    max_attempts BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    worker TEXT,
    available_at BIGINT NOT NULL,
    lease_until BIGINT,
    outcome TEXT,
    charges TEXT NOT NULL,
    last_event BIGINT NOT NULL
);
CREATE INDEX jobs_to_claim ON jobs (criticality, turn, id) WHERE state = 'queued';
CREATE INDEX jobs_queued_of_owner ON jobs (owner, criticality, turn) WHERE state = 'queued';
CREATE INDEX jobs_held ON jobs (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX jobs_with_deadline ON jobs (deadline_at) WHERE deadline_at IS NOT NULL AND finished_at IS NULL;
CREATE INDEX jobs_of_owner ON jobs (owner, id);
CREATE INDEX jobs_open ON jobs (owner, repository) WHERE finished_at IS NULL;

-- The history of a job: what changed its status, and what it told of its progress.
CREATE TABLE job_events (
    job TEXT NOT NULL REFERENCES jobs (id),
    sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job, sequence)
);

-- One row for what was asked and answered; the samples behind it are in `attempts`.
CREATE TABLE proposals (
    id TEXT PRIMARY KEY,
    job TEXT NOT NULL REFERENCES jobs (id),
    owner TEXT NOT NULL REFERENCES principals (id),
    repository TEXT NOT NULL,
    task TEXT NOT NULL,
    level TEXT NOT NULL,
    summary TEXT NOT NULL,
    files BIGINT NOT NULL,
    first_try BOOLEAN NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX proposals_of_job ON proposals (job);
CREATE INDEX proposals_by_time ON proposals (created_at);

CREATE TABLE attempts (
    proposal TEXT NOT NULL REFERENCES proposals (id),
    position BIGINT NOT NULL,
    model TEXT NOT NULL,
    model_digest TEXT,
    template TEXT NOT NULL,
    template_digest TEXT NOT NULL,
    outcome TEXT NOT NULL,
    failed_check TEXT,
    prompt_tokens BIGINT,
    completion_tokens BIGINT,
    duration_ms BIGINT NOT NULL,
    PRIMARY KEY (proposal, position)
);

CREATE TABLE feedback (
    proposal TEXT NOT NULL REFERENCES proposals (id),
    principal TEXT NOT NULL REFERENCES principals (id),
    verdict TEXT NOT NULL,
    reason TEXT,
    edit_distance_permille BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (proposal, principal)
);

CREATE TABLE idempotency_keys (
    principal TEXT NOT NULL,
    name TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (principal, name)
);

CREATE TABLE limits (
    scope TEXT NOT NULL,
    unit TEXT NOT NULL,
    window_seconds BIGINT NOT NULL,
    quota BIGINT NOT NULL,
    PRIMARY KEY (scope, unit, window_seconds)
);

CREATE TABLE usage (
    scope TEXT NOT NULL,
    unit TEXT NOT NULL,
    window_seconds BIGINT NOT NULL,
    window_start BIGINT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (scope, unit, window_seconds)
);

CREATE TABLE audit_log (
    sequence BIGINT PRIMARY KEY,
    line TEXT NOT NULL
);

CREATE TABLE audit_head (
    id BIGINT PRIMARY KEY,
    sequence BIGINT NOT NULL,
    digest TEXT NOT NULL
);

CREATE TABLE audit_checkpoints (
    sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (sequence, at)
);
