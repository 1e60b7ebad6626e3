use std::time::Duration;

/// What one run of examples may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExampleLimits {
    /// Wall-clock time of one example.
    pub per_example: Duration,
    /// Wall-clock time for loading the program.
    pub loading: Duration,
    /// Wall-clock time of the whole run; what is left over by then counts as failed.
    pub total: Duration,
    /// Memory of the whole run, in bytes.
    pub memory: u64,
}

impl Default for ExampleLimits {
    fn default() -> Self {
        Self {
            per_example: Duration::from_secs(2),
            loading: Duration::from_secs(10),
            total: Duration::from_secs(30),
            memory: 512 * 1024 * 1024,
        }
    }
}
