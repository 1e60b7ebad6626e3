/// A place, in kilometres east and north of the centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub east: f64,
    pub north: f64,
}

impl Point {
    pub fn new(east: f64, north: f64) -> Self {
        Self { east, north }
    }

    /// The distance in a straight line.
    pub fn distance(&self, other: &Point) -> f64 {
        (self.east - other.east).hypot(self.north - other.north)
    }
}
