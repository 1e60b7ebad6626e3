/// One song.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Song {
    pub title: String,
    pub seconds: u32,
}

impl Song {
    pub fn new(title: &str, seconds: u32) -> Self {
        Self { title: title.to_string(), seconds }
    }

    /// The length as it is shown, such as `3:05`.
    pub fn length(&self) -> String {
        format!("{}:{:02}", self.seconds / 60, self.seconds % 60)
    }
}
