use playlist::{Playlist, Song};

#[test]
fn lengths_add_up() {
    let mut playlist = Playlist::new();
    assert_eq!(playlist.total_seconds(), 0);
    playlist.push(Song::new("a", 185));
    playlist.push(Song::new("b", 60));
    assert_eq!(playlist.total_seconds(), 245);
    assert_eq!(playlist.len(), 2);
}
