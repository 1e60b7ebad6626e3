use route::length;
use route::point::Point;
use route::units::km_to_miles;

#[test]
fn miles() {
    assert!((km_to_miles(1.609344) - 1.0).abs() < 1e-9);
    assert!((km_to_miles(100.0) - 62.137_119_223_7).abs() < 1e-6);
    assert_eq!(km_to_miles(0.0), 0.0);
    assert_eq!(length(&[Point::new(0.0, 0.0), Point::new(0.0, 2.0)]), 2.0);
}
