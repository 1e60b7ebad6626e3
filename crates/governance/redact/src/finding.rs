use serde::Serialize;
use tenon_secrets::Kind;

/// How often something was replaced; never what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it was.
    pub kind: Kind,
    /// The number of places.
    pub count: usize,
}
