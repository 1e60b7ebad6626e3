-- What models read and wrote, and what that cost. What an upstream did not report and what has no known price is counted
-- apart: a sum without its coverage says little. `day` begins at midnight UTC.
CREATE TABLE spending (
    day BIGINT NOT NULL,
    principal TEXT NOT NULL,
    door TEXT NOT NULL,
    model TEXT NOT NULL,
    answers BIGINT NOT NULL,
    unreported BIGINT NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    cost_micros BIGINT NOT NULL,
    PRIMARY KEY (day, principal, door, model)
);

-- How far the window is used as somebody was told, in hundredths.
ALTER TABLE usage ADD COLUMN warned BIGINT NOT NULL DEFAULT 0;

-- Who approved a proposal. An approval stays: it says what was known then.
CREATE TABLE approvals (
    proposal TEXT NOT NULL REFERENCES proposals (id),
    principal TEXT NOT NULL REFERENCES principals (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (proposal, principal)
);
