use essay::text::{line_count, word_count};

#[test]
fn words() {
    assert_eq!(word_count("to be or not to be"), 6);
    assert_eq!(word_count("  tabs\tand\n\nlines  "), 3);
    assert_eq!(word_count(""), 0);
    assert_eq!(word_count(" \n "), 0);
    assert_eq!(line_count("a\nb"), 2);
}
