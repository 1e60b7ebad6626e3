//! Colours of the theme.

pub mod color;
pub mod theme;
