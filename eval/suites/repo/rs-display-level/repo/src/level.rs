/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    /// Whether somebody should be woken up.
    pub fn is_alarming(self) -> bool {
        self >= Level::Error
    }
}
