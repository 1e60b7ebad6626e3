use std::path::PathBuf;
use std::time::Duration;

/// Where a pull may look, and how patient it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullOptions {
    /// Folders that are searched for the file before anything is downloaded: folders with the file itself, or
    /// caches of Hugging Face's own tools.
    pub local_folders: Vec<PathBuf>,
    /// Whether sources on the network are asked.
    pub network: Network,
    /// Where Hugging Face is, or a mirror of it.
    pub hugging_face: String,
    /// A source that does not connect for so long is passed over.
    pub connect_timeout: Duration,
    /// A source that sends nothing for so long has broken off.
    pub idle_timeout: Duration,
    /// How often in a row a source may break off before it is passed over.
    pub attempts: u32,
    /// How long to wait before a source that broke off is asked again.
    pub retry_pause: Duration,
    /// How Python packages are brought.
    pub pip: PipOptions,
}

/// Whether the network may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// It may.
    Allowed,
    /// Only what is on this machine may be used.
    Offline,
}

/// How Python packages are brought: with the user's own pip and its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipOptions {
    /// Ways to start pip; the first that works is taken.
    pub commands: Vec<Vec<String>>,
    /// Arguments that are added to `pip download`, such as `--index-url`.
    pub arguments: Vec<String>,
    /// pip is stopped when it brought nothing for so long.
    pub patience: Duration,
}

impl Default for PullOptions {
    fn default() -> Self {
        Self {
            local_folders: Vec::new(),
            network: Network::Allowed,
            hugging_face: "https://huggingface.co".to_owned(),
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            attempts: 3,
            retry_pause: Duration::from_secs(1),
            pip: PipOptions::default(),
        }
    }
}

impl Default for PipOptions {
    fn default() -> Self {
        let command = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Self {
            commands: vec![
                command(&["python3", "-m", "pip"]),
                command(&["pip3"]),
                command(&["pip"]),
            ],
            arguments: Vec::new(),
            // A proxy in between may fetch a whole part before it passes on the first byte.
            patience: Duration::from_secs(180),
        }
    }
}
