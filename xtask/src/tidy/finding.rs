use std::fmt;

/// Something that is not as drawn.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the root.
    pub path: String,
    /// The line, from 1; 0 when it is about the whole file.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub mend: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
            mend: mend.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(
                formatter,
                "{}: {}\n    mend: {}",
                self.path, self.message, self.mend
            ),
            line => write!(
                formatter,
                "{}:{line}: {}\n    mend: {}",
                self.path, self.message, self.mend
            ),
        }
    }
}

/// The 1-based line of the first line of `text` for which `wanted` holds; 1 when there is none.
pub(crate) fn line_of(text: &str, wanted: impl Fn(&str) -> bool) -> usize {
    text.lines().position(wanted).map_or(1, |index| index + 1)
}
