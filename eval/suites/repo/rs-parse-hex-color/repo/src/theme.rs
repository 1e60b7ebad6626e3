use crate::color::Color;

/// The colours of a window.
pub struct Theme {
    pub background: Color,
}

impl Theme {
    pub fn text_color(&self) -> &'static str {
        if self.background.is_light() { "black" } else { "white" }
    }
}
