use progress::progress::percent;

#[test]
fn parts() {
    assert_eq!(percent(0, 10), 0);
    assert_eq!(percent(1, 3), 33);
    assert_eq!(percent(5, 10), 50);
}

#[test]
fn everything_and_nothing() {
    assert_eq!(percent(10, 10), 100);
    assert_eq!(percent(11, 10), 100);
    assert_eq!(percent(0, 0), 100);
}
