use sensor::stats::{average, maximum, summary};

#[test]
fn averages() {
    assert_eq!(average(&[]), None);
    assert_eq!(average(&[1.0, 2.0, 6.0]), Some(3.0));
    assert_eq!(maximum(&[1.0, 4.0]), Some(4.0));
}

#[test]
fn summaries() {
    assert_eq!(summary(&[]), "no values");
    assert_eq!(summary(&[1.0, 2.0]), "average 1.5");
}
