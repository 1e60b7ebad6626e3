use library::Library;

#[test]
fn searching() {
    let mut library = Library::default();
    library.add("The Trial", "Kafka");
    library.add("The Castle", "Kafka");
    library.add("Faust", "Goethe");
    assert_eq!(library.search("Castle").len(), 1);
    assert_eq!(library.by_author("Kafka").len(), 2);
}
