//! Routes on a map.

pub mod point;

use point::Point;

/// The length of a route over all its points.
pub fn length(points: &[Point]) -> f64 {
    points.windows(2).map(|pair| pair[0].distance(&pair[1])).sum()
}
