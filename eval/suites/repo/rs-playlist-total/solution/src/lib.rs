//! Playlists of the music player.

mod song;

pub use song::Song;

/// Songs in the order they are played.
#[derive(Debug, Default)]
pub struct Playlist {
    songs: Vec<Song>,
}

impl Playlist {
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a song at the end.
    pub fn push(&mut self, song: Song) {
        self.songs.push(song);
    }

    /// The titles, in the order they are played.
    pub fn titles(&self) -> Vec<&str> {
        self.songs.iter().map(|song| song.title.as_str()).collect()
    }

    /// The length of all songs together.
    pub fn total_seconds(&self) -> u32 {
        self.songs.iter().map(|song| song.seconds).sum()
    }

    pub fn len(&self) -> usize {
        self.songs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.songs.is_empty()
    }
}
