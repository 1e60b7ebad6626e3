//! Credentials in added text. The rules follow the formats that the issuers document.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;
use tenon_domain::{FileChange, Finding, Severity};

struct Rule {
    name: &'static str,
    what: &'static str,
    pattern: Regex,
}

/// Name, what it is, pattern.
const RULES: [(&str, &str, &str); 17] = [
    (
        "aws-access-key",
        "an AWS access key id",
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
    ),
    (
        "aws-secret-key",
        "an AWS secret access key",
        r#"(?i)aws.{0,20}(?:secret|private).{0,20}["'=:\s]([A-Za-z0-9/+]{40})\b"#,
    ),
    (
        "github-token",
        "a GitHub token",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{82})\b",
    ),
    (
        "gitlab-token",
        "a GitLab token",
        r"\bgl(?:pat|dt|rt|ptt|cbt|ft|imt|agent|soat)-[A-Za-z0-9_=-]{20,64}\b",
    ),
    (
        "slack-token",
        "a Slack token",
        r"\bxox[abeoprs]-(?:[A-Za-z0-9]+-){1,4}[A-Za-z0-9]{10,}\b",
    ),
    (
        "slack-webhook",
        "a Slack webhook",
        r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9+/]{40,}",
    ),
    (
        "stripe-key",
        "a Stripe key",
        r"\b(?:sk|rk)_(?:live|prod)_[A-Za-z0-9]{20,247}\b",
    ),
    ("google-api-key", "a Google API key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    (
        "google-oauth",
        "a Google OAuth token",
        r"\bya29\.[0-9A-Za-z_-]{30,}",
    ),
    (
        "openai-key",
        "an OpenAI key",
        r"\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}T3BlbkFJ[A-Za-z0-9_-]{20,}",
    ),
    (
        "anthropic-key",
        "an Anthropic key",
        r"\bsk-ant-(?:api|admin)\d{2}-[A-Za-z0-9_-]{80,}",
    ),
    ("npm-token", "an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    (
        "pypi-token",
        "a PyPI token",
        r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}",
    ),
    (
        "huggingface-token",
        "a Hugging Face token",
        r"\bhf_[A-Za-z]{34}\b",
    ),
    (
        "private-key",
        "a private key",
        r"-----BEGIN (?:(?:RSA|EC|DSA|OPENSSH|ENCRYPTED|PGP) )?PRIVATE KEY(?: BLOCK)?-----",
    ),
    (
        "json-web-token",
        "a JSON web token",
        r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    ),
    (
        "url-password",
        "a password in a URL",
        r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:@/]{1,64}:([^\s:@/$<{]{6,128})@[A-Za-z0-9.-]+",
    ),
];

const ASSIGNMENT: &str = r#"(?i)\b[a-z0-9_.-]{0,40}(?:password|passwd|secret|api_?key|apikey|access_?token|auth_?token|private_?key|client_?secret|credentials?)[a-z0-9_]{0,20}["']?\s*(?::=|=>|=|:)\s*["']([^"'\s]{8,200})["']"#;

static COMPILED: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    RULES
        .iter()
        .filter_map(|(name, what, pattern)| {
            Some(Rule {
                name,
                what,
                pattern: Regex::new(pattern).ok()?,
            })
        })
        .collect()
});
static ASSIGNED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(ASSIGNMENT).ok());

/// Longer lines are data; tokens stand in the first part of a line or not at all.
const LONGEST_LINE: usize = 4096;
const MOST_FINDINGS: usize = 20;

pub(crate) fn findings(change: &FileChange) -> Vec<Finding> {
    let Some(after) = change.after.as_deref() else {
        return Vec::new();
    };
    let known: HashSet<&str> = change
        .before
        .as_deref()
        .unwrap_or("")
        .lines()
        .map(str::trim)
        .collect();
    let mut found = Vec::new();
    for (index, line) in after.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.len() < 12 || known.contains(trimmed) {
            continue;
        }
        let line = crate::examples::floor_text(line, LONGEST_LINE);
        if let Some((rule, what)) = secret_in(line) {
            found.push(Finding {
                rule: format!("secrets/{rule}"),
                severity: Severity::Error,
                path: Some(change.path.clone()),
                line: u32::try_from(index + 1).ok(),
                column: None,
                // The secret itself must not travel into logs and reports.
                message: format!("the line holds what looks like {what}"),
                help: Some("read it from the environment or a secret store".to_owned()),
                replacements: Vec::new(),
            });
        }
        if found.len() >= MOST_FINDINGS {
            break;
        }
    }
    found
}

fn secret_in(line: &str) -> Option<(&'static str, &'static str)> {
    let rule = COMPILED.iter().find(|rule| {
        rule.pattern.captures(line).is_some_and(|captures| {
            let token = captures
                .get(1)
                .or_else(|| captures.get(0))
                .map_or("", |token| token.as_str());
            !is_placeholder(token)
        })
    });
    if let Some(rule) = rule {
        return Some((rule.name, rule.what));
    }
    let assigned = ASSIGNED.as_ref()?.captures(line)?.get(1)?.as_str();
    (!is_placeholder(assigned) && looks_random(assigned)).then_some(("assigned-credential", "a credential"))
}

fn is_placeholder(token: &str) -> bool {
    let lower = token.to_ascii_lowercase();
    [
        "example",
        "changeme",
        "placeholder",
        "your",
        "dummy",
        "redacted",
        "xxxx",
        "****",
        "test",
        "${",
        "{{",
        "<",
        "%(",
        "process.env",
        "os.environ",
    ]
    .iter()
    .any(|mark| lower.contains(mark))
}

/// Shannon entropy above what words and identifiers have, and more than one class of characters.
fn looks_random(token: &str) -> bool {
    let classes = [
        token.bytes().any(|byte| byte.is_ascii_lowercase()),
        token.bytes().any(|byte| byte.is_ascii_uppercase()),
        token.bytes().any(|byte| byte.is_ascii_digit()),
        token.bytes().any(|byte| byte.is_ascii_punctuation()),
    ];
    let varied = classes.into_iter().filter(|present| *present).count() >= 2;
    varied && token.bytes().any(|byte| byte.is_ascii_digit()) && entropy(token) >= 3.0
}

fn entropy(token: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in token.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(token.len()).unwrap_or(u32::MAX));
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use tenon_domain::RepoPath;

    use super::*;

    fn rules(before: Option<&str>, after: &str) -> Vec<String> {
        let change = FileChange {
            path: RepoPath::parse("a.py").unwrap(),
            renamed_from: None,
            before: before.map(str::to_owned),
            after: Some(after.to_owned()),
        };
        findings(&change)
            .into_iter()
            .map(|finding| finding.rule)
            .collect()
    }

    #[test]
    fn every_rule_compiles() {
        assert_eq!(COMPILED.len(), RULES.len());
        assert!(ASSIGNED.is_some());
    }

    #[test]
    fn token_formats_are_known() {
        // Joined here so that the samples are not themselves found by scanners.
        for (rule, text) in [
            ("aws-access-key", format!("key = 'AKIA{}'", "QYLPMN5HFIQR7BBB")),
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
                "google-api-key",
                format!("AIza{}", "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q"),
            ),
            ("private-key", format!("-----BEGIN {} KEY-----", "RSA PRIVATE")),
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
            ("assigned-credential", "DB_PASSWORD = 'kV9$wq2LpZ71'".to_owned()),
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
        ] {
            assert!(rules(None, text).is_empty(), "{text}");
        }
        let old = "DB_PASSWORD = 'kV9$wq2LpZ71'";
        assert!(rules(Some(old), &format!("{old}\nx = 1\n")).is_empty());
    }
}
