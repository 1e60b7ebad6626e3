//! Credentials in added text.

use std::collections::HashSet;

use tenon_domain::{FileChange, Finding, Severity};
use tenon_secrets::{Kind, Settings, Span, entropy, scan};

const SECRETS: Settings = Settings {
    secrets: true,
    personal: false,
};
const MOST_FINDINGS: usize = 20;
/// What is shorter holds no secret.
const SHORTEST_LINE: usize = 12;
/// Words of values that stand in tests and manuals.
const FOR_SHOW: [&str; 4] = ["test", "your", "dummy", "xxxx"];

pub(crate) fn findings(change: &FileChange) -> Vec<Finding> {
    let Some(after) = change.after.as_deref() else {
        return Vec::new();
    };
    let before = change.before.as_deref().unwrap_or("");
    let known: HashSet<&str> = before.lines().map(str::trim).collect();
    let is_new = |line: &str| line.len() >= SHORTEST_LINE && !known.contains(line);
    let spans = scan(after, SECRETS).into_iter();
    let mut spans = spans
        .filter(|span| !is_for_show(span.kind, span.of(after)))
        .peekable();
    let mut found = Vec::new();
    let mut end = 0;
    for (index, line) in after.split_inclusive('\n').enumerate() {
        let start = end;
        end += line.len();
        while spans.next_if(|span| span.end <= start).is_some() {}
        let Some(span) = spans.next_if(|span| span.start < end && is_new(line.trim())) else {
            continue;
        };
        found.push(finding(change, index + 1, &span));
        // One finding for a line is enough.
        while spans.next_if(|span| span.start < end).is_some() {}
        if found.len() >= MOST_FINDINGS {
            break;
        }
    }
    found
}

fn finding(change: &FileChange, line: usize, span: &Span) -> Finding {
    let name = span.kind.name();
    Finding {
        rule: format!("secrets/{}", name.replace('_', "-")),
        severity: Severity::Error,
        path: Some(change.path.clone()),
        line: u32::try_from(line).ok(),
        column: None,
        // The secret itself must not travel into logs and reports.
        message: format!(
            "the line holds what looks like a secret: {}",
            name.replace('_', " ")
        ),
        help: Some("read it from the environment or a secret store".to_owned()),
        replacements: Vec::new(),
    }
}

/// Whether a value that its name alone gives away is one that a test makes up: a change is not rejected for it.
fn is_for_show(kind: Kind, value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let is_simple = value.len() < 6 || (kind == Kind::Password && (value.len() < 8 || entropy(value) < 3.0));
    kind.needs_context() && (is_simple || FOR_SHOW.iter().any(|word| lower.contains(word)))
}

#[cfg(test)]
mod tests {
    use tenon_domain::RepoPath;

    use super::*;

    const KEY_LINE: &str = "MIIEowIBAAKCAQEAx9hGkqV2c4TtL0bYwZ3sJ7uF1eRnPdKmQoXv5aBi8CgWfHyN";

    fn found(before: Option<&str>, after: &str) -> Vec<Finding> {
        findings(&FileChange {
            path: RepoPath::parse("a.py").unwrap(),
            renamed_from: None,
            before: before.map(str::to_owned),
            after: Some(after.to_owned()),
        })
    }

    fn rules(before: Option<&str>, after: &str) -> Vec<String> {
        let found = found(before, after).into_iter();
        found.map(|finding| finding.rule).collect()
    }

    fn lines(before: Option<&str>, after: &str) -> Vec<u32> {
        let found = found(before, after).into_iter();
        found.filter_map(|finding| finding.line).collect()
    }

    #[test]
    fn token_formats_are_known() {
        // Joined here so that the samples are not themselves found by scanners.
        for (rule, text) in [
            ("aws-access-key-id", format!("key = 'AKIA{}'", "QYLPMN5HFIQR7BBB")),
            (
                "github-token",
                format!("ghp_{}", "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5"),
            ),
            ("gitlab-token", format!("glpat-{}", "aB3dE5gH7jK9mN1pQ3sT")),
            (
                "slack-token",
                format!("xoxb-{}-{}", "123456789012", "aB3dE5gH7jK9mN1pQ3sT5vW7"),
            ),
            ("stripe-key", format!("sk_live_{}", "aB3dE5gH7jK9mN1pQ3sT5vW7")),
            (
                "google-key",
                format!("AIza{}", "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q"),
            ),
            (
                "private-key",
                format!("-----BEGIN {} KEY-----\n{KEY_LINE}\n", "RSA PRIVATE"),
            ),
            (
                "json-web-token",
                format!(
                    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{}",
                    "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
                ),
            ),
            (
                "url-password",
                "db = 'postgres://admin:s3cr3tPw9@db.internal/x'".to_owned(),
            ),
            ("password", "DB_PASSWORD = 'kV9$wq2LpZ71'".to_owned()),
        ] {
            assert_eq!(rules(None, &text), [format!("secrets/{rule}")], "{text}");
        }
    }

    #[test]
    fn placeholders_code_and_known_lines_are_left_alone() {
        for text in [
            "password = 'changeme123'",
            "password = os.environ['DB_PASSWORD']",
            "api_key = 'your-api-key-here1'",
            "secret_name = 'database-credentials'",
            "token = get_token()",
            "url = 'https://user:{password}@host'",
            "def set_password(password: str) -> None:",
            "login(password='testpass123')",
            "assert login('ann', password='hunter2')",
            "person = 'maria.lopez@mail.acme.dev'",
        ] {
            assert!(rules(None, text).is_empty(), "{text}");
        }
        let old = "DB_PASSWORD = 'kV9$wq2LpZ71'";
        assert!(rules(Some(old), &format!("{old}\nx = 1\n")).is_empty());
    }

    #[test]
    fn what_spans_lines_is_one_finding_where_it_is_new() {
        let (first, last) = (
            format!("-----BEGIN {} KEY-----", "EC PRIVATE"),
            "-----END EC PRIVATE KEY-----",
        );
        let key = format!("{first}\n{KEY_LINE}\n{last}\n");
        assert_eq!(lines(None, &format!("x = 1\n{key}")), [2]);
        assert_eq!(lines(Some(&first), &format!("x = 1\n{key}")), [3]);
        assert!(lines(Some(&key), &format!("x = 1\n{key}")).is_empty());
        assert_eq!(
            lines(None, &"DB_PASSWORD = 'kV9$wq2LpZ71'\n".repeat(30)).len(),
            20
        );
    }
}
