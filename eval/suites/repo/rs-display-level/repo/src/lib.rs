//! Log lines.

pub mod level;
pub mod line;
