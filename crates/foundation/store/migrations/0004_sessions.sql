-- Somebody on their way to the identity provider and back. A row is taken once.
CREATE TABLE login_attempts (
    state TEXT PRIMARY KEY,
    nonce TEXT NOT NULL,
    verifier TEXT NOT NULL,
    return_to TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX login_attempts_to_expire ON login_attempts (expires_at);

-- Who somebody is at a provider: names change, subjects do not.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    principal TEXT NOT NULL REFERENCES principals (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE UNIQUE INDEX identities_of_principal ON identities (principal, issuer);

-- The token itself is not kept: its digest is.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    principal TEXT NOT NULL REFERENCES principals (id),
    digest TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX sessions_of_principal ON sessions (principal, id);
CREATE INDEX sessions_to_expire ON sessions (expires_at);

-- Codes that a program on somebody's machine exchanges for a key of theirs. A row is taken once.
CREATE TABLE login_grants (
    code TEXT PRIMARY KEY,
    principal TEXT NOT NULL REFERENCES principals (id),
    challenge TEXT NOT NULL,
    name TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX login_grants_to_expire ON login_grants (expires_at);
