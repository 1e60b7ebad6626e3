use route::length;
use route::point::Point;

#[test]
fn lengths() {
    assert_eq!(length(&[Point::new(0.0, 0.0), Point::new(3.0, 4.0), Point::new(3.0, 5.0)]), 6.0);
    assert_eq!(length(&[]), 0.0);
}
