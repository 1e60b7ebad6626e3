//! Values of the garden sensors.

pub mod stats;
pub mod unit;
