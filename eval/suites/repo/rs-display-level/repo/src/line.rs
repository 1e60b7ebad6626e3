use crate::level::Level;

/// Keeps the lines that are at least this important.
pub fn at_least<'a>(lines: &[(Level, &'a str)], least: Level) -> Vec<&'a str> {
    lines.iter().filter(|(level, _)| *level >= least).map(|(_, text)| *text).collect()
}
