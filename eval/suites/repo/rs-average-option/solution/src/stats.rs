//! Figures over many values.

/// The largest value.
pub fn maximum(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::max)
}

/// The average value, `None` when there is none.
pub fn average(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

/// One line for the display.
pub fn summary(values: &[f64]) -> String {
    match average(values) {
        Some(average) => format!("average {average:.1}"),
        None => "no values".to_string(),
    }
}
