use logline::level::Level;

#[test]
fn names() {
    let names: Vec<String> =
        [Level::Debug, Level::Info, Level::Warn, Level::Error].iter().map(|level| level.to_string()).collect();
    assert_eq!(names, ["DEBUG", "INFO", "WARN", "ERROR"]);
    assert_eq!(format!("[{}] up", Level::Info), "[INFO] up");
    assert!(!Level::Warn.is_alarming());
}
