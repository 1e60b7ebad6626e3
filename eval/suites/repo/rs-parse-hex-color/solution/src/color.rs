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

/// Reads a colour such as `#ff8000`.
pub fn parse_hex(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#')?;
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let part = |start: usize| u8::from_str_radix(&digits[start..start + 2], 16).ok();
    Some(Color { red: part(0)?, green: part(2)?, blue: part(4)? })
}
