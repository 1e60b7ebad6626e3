/// Degrees Celsius from degrees Fahrenheit.
pub fn celsius(fahrenheit: f64) -> f64 {
    (fahrenheit - 32.0) / 1.8
}

#[cfg(test)]
mod tests {
    #[test]
    fn freezing() {
        assert_eq!(super::celsius(32.0), 0.0);
    }
}
