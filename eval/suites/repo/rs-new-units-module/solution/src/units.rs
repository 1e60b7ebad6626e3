//! Units of length.

const KM_PER_MILE: f64 = 1.609344;

/// Miles from kilometres.
pub fn km_to_miles(km: f64) -> f64 {
    km / KM_PER_MILE
}
