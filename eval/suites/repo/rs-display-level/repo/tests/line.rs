use logline::level::Level;
use logline::line::at_least;

#[test]
fn filtering() {
    let lines = [(Level::Debug, "a"), (Level::Error, "b"), (Level::Info, "c")];
    assert_eq!(at_least(&lines, Level::Info), ["b", "c"]);
    assert!(Level::Error.is_alarming());
}
