/// A colour of 24 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color {
    pub red: u8,
    pub green: u8,
    pub blue: u8,
}

impl Color {
    pub const BLACK: Color = Color { red: 0, green: 0, blue: 0 };

    /// The colour as it stands in style sheets, such as `#ff8000`.
    pub fn to_hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }

    /// Whether dark text can be read on it.
    pub fn is_light(self) -> bool {
        u32::from(self.red) + u32::from(self.green) + u32::from(self.blue) > 382
    }
}
