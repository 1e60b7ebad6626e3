use palette::color::{parse_hex, Color};

#[test]
fn colors() {
    assert_eq!(parse_hex("#ff8000"), Some(Color { red: 255, green: 128, blue: 0 }));
    assert_eq!(parse_hex("#000000"), Some(Color::BLACK));
    assert_eq!(parse_hex("#A0b1C2"), Some(Color { red: 0xa0, green: 0xb1, blue: 0xc2 }));
}

#[test]
fn no_colors() {
    for text in ["", "#", "ff8000", "#ff800", "#ff80000", "#gg8000", "red"] {
        assert_eq!(parse_hex(text), None, "{text}");
    }
}
