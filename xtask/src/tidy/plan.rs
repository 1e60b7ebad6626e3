//! The plan as data: who may know whom, and who may do what. `ARCHITECTURE.md` says why.

/// The floors from the ground up. A room may know rooms of lower storeys; floors of one storey do not know each other.
pub(crate) const STOREYS: &[&[&str]] = &[
    &["foundation"],
    &["prompts", "models", "verify", "governance"],
    &["execution"],
    &["interface"],
];

/// Everybody may know these rooms.
pub(crate) const KNOWN_TO_ALL: &[&str] = &["domain"];

/// Arrows that the storeys do not give: from, to.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[
    // A check judges a change, and executes in the sandbox.
    ("check", "change"),
    ("check", "sandbox"),
    // Adapters implement the port.
    ("llama", "runtime"),
    ("remote", "runtime"),
    // The scripted model implements the port, too.
    ("testkit", "runtime"),
    // A job is a run of the engine on a tree that Git brought.
    ("jobs", "engine"),
    ("jobs", "forge"),
    // The table of routes names the actions that policies decide about.
    ("server", "api"),
    ("client", "api"),
    // The binary holds every command.
    ("cli", "api"),
    ("cli", "client"),
    ("cli", "eval"),
    ("cli", "lsp"),
    ("cli", "server"),
];

/// Rooms that only these may know, however high they stand.
pub(crate) const KNOWN_ONLY_TO: &[(&str, &[&str])] = &[
    // The composition root chooses adapters; everybody else sees the port.
    ("llama", &["cli"]),
    ("remote", &["cli"]),
    // For tests: development dependencies are free.
    ("testkit", &[]),
];

/// Third-party crates that only these rooms may know.
pub(crate) const CRATES_ONLY_IN: &[(&str, &[&str])] = &[
    ("axum", &["server", "testkit"]),
    ("sqlx", &["store"]),
    ("llama-cpp-2", &["llama"]),
    ("llama-cpp-sys-2", &["llama"]),
    (
        "reqwest",
        &["runtime", "remote", "client", "webhooks", "identity", "cli"],
    ),
    ("opentelemetry", &["cli"]),
    ("opentelemetry-proto", &["cli"]),
    ("opentelemetry_sdk", &["cli"]),
    ("tracing-opentelemetry", &["cli"]),
    ("tracing-subscriber", &["cli"]),
    ("cedar-policy", &["access"]),
    ("aws-lc-rs", &["audit", "webhooks"]),
    ("jsonwebtoken", &["identity"]),
    ("prometheus-client", &["signals"]),
    ("utoipa", &["api"]),
    ("lsp-server", &["lsp"]),
    ("gen-lsp-types", &["lsp"]),
    ("clap", &["cli"]),
    ("miette", &["cli"]),
    ("indicatif", &["cli"]),
    ("seccompiler", &["sandbox"]),
    ("landlock", &["sandbox"]),
];

/// Crates that may not be anywhere in the tree, with the reason.
pub(crate) const FORBIDDEN_CRATES: &[(&str, &str)] = &[
    (
        "openssl-sys",
        "TLS is rustls: no system library decides what Tenon trusts",
    ),
    (
        "native-tls",
        "TLS is rustls: no system library decides what Tenon trusts",
    ),
    ("ring", "the one provider of cryptography is aws-lc-rs"),
];

/// Rooms that may use `unsafe`.
pub(crate) const UNSAFE_IN: &[&str] = &["llama"];

/// Rooms that may start processes.
pub(crate) const PROCESSES_IN: &[&str] = &["sandbox", "llama", "forge", "runtime", "testkit"];

/// Rooms that may read environment variables.
pub(crate) const ENVIRONMENT_IN: &[&str] = &["config"];

/// Names that say nothing about what is inside and so attract everything.
pub(crate) const FORBIDDEN_NAMES: &[&str] = &[
    "common", "core", "helper", "helpers", "manager", "managers", "misc", "shared", "util", "utils",
];

/// The largest file that may be tracked.
pub(crate) const MAX_TRACKED_BYTES: u64 = 1024 * 1024;

/// How high the floor is; `None` for a floor that is not in the plan.
pub(crate) fn storey(floor: &str) -> Option<usize> {
    STOREYS.iter().position(|floors| floors.contains(&floor))
}
