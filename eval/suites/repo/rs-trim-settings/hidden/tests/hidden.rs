use settings::{number, parse, parse_line};

#[test]
fn blanks_go() {
    assert_eq!(parse_line("  port = 80 "), Some(("port", "80")));
    assert_eq!(parse_line("title=\ta b\t"), Some(("title", "a b")));
    assert_eq!(parse_line("empty ="), Some(("empty", "")));
    assert_eq!(parse_line("nothing"), None);
    assert_eq!(number(&parse("port = 8080\r\nx = 1"), "port"), Some(8080));
}
