use playlist::{Playlist, Song};

#[test]
fn songs_keep_their_order() {
    let mut playlist = Playlist::new();
    assert!(playlist.is_empty());
    playlist.push(Song::new("b", 185));
    playlist.push(Song::new("a", 60));
    assert_eq!(playlist.titles(), ["b", "a"]);
}

#[test]
fn lengths() {
    assert_eq!(Song::new("b", 185).length(), "3:05");
}
