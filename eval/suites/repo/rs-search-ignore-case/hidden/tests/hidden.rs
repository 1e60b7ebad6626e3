use library::Library;

#[test]
fn any_case() {
    let mut library = Library::default();
    library.add("The Trial", "Kafka");
    library.add("TRIAL and Error", "Lodge");
    library.add("Faust", "Goethe");
    let titles = |term: &str| library.search(term).iter().map(|book| book.title.clone()).collect::<Vec<_>>();
    assert_eq!(titles("trial"), ["The Trial", "TRIAL and Error"]);
    assert_eq!(titles("FAUST"), ["Faust"]);
    assert!(titles("kafka").is_empty());
    assert_eq!(library.by_author("Goethe").len(), 1);
}
