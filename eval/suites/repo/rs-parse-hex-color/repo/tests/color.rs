use palette::color::Color;
use palette::theme::Theme;

#[test]
fn hex() {
    assert_eq!(Color { red: 255, green: 128, blue: 0 }.to_hex(), "#ff8000");
}

#[test]
fn text_on_a_dark_background() {
    assert_eq!(Theme { background: Color::BLACK }.text_color(), "white");
}
