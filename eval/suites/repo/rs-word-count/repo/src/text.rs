//! Counting.

/// The number of lines that are not empty.
pub fn line_count(text: &str) -> usize {
    text.lines().filter(|line| !line.trim().is_empty()).count()
}

/// The longest word, the first one where several are as long.
pub fn longest_word(text: &str) -> Option<&str> {
    let mut longest: Option<&str> = None;
    for word in text.split_whitespace() {
        if longest.is_none_or(|other| word.len() > other.len()) {
            longest = Some(word);
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        assert_eq!(line_count("a\n\n  \nb"), 2);
    }

    #[test]
    fn longest() {
        assert_eq!(longest_word("to be or not"), Some("not"));
        assert_eq!(longest_word(" "), None);
    }
}