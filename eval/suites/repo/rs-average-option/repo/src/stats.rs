//! Figures over many values.

/// The largest value.
pub fn maximum(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::max)
}

/// The average value.
pub fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// One line for the display.
pub fn summary(values: &[f64]) -> String {
    format!("average {:.1}", average(values))
}
