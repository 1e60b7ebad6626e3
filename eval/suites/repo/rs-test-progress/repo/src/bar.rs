use crate::progress::percent;

/// A bar of ten characters.
pub fn bar(done: u64, total: u64) -> String {
    let filled = usize::from(percent(done, total)) / 10;
    format!("{}{}", "#".repeat(filled), ".".repeat(10 - filled))
}
