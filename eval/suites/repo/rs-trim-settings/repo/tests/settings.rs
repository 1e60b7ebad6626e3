use settings::{number, parse, parse_line};

#[test]
fn lines() {
    assert_eq!(parse_line("a=b=c"), Some(("a", "b=c")));
    assert_eq!(parse_line("nothing"), None);
}

#[test]
fn numbers() {
    let settings = parse("port=80\nhost=local\n");
    assert_eq!(number(&settings, "port"), Some(80));
    assert_eq!(number(&settings, "host"), None);
}
