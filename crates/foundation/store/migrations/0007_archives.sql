-- Trees that were uploaded, as they came: every worker unpacks its own.
CREATE TABLE archives (
    repository TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    bytes BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);
