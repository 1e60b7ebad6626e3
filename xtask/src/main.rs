//! Tasks of the project itself, in Rust: `cargo xtask tidy`.

mod tidy;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask TASK

tasks:
  tidy    prove that the house stands as ARCHITECTURE.md draws it
";

fn main() -> ExitCode {
    let task: Vec<String> = std::env::args().skip(1).collect();
    match task.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tidy"] => tidy(),
        _ => {
            // Nobody reads what cannot be written.
            let _ = io::stderr().write_all(USAGE.as_bytes());
            ExitCode::from(2)
        }
    }
}

fn tidy() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."));
    let (report, code) = match tidy::tidy(root) {
        Ok(findings) if findings.is_empty() => {
            ("tidy: the house stands as drawn\n".to_owned(), ExitCode::SUCCESS)
        }
        Ok(findings) => {
            let lines: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
            (
                format!("{lines}\ntidy: {} findings\n", findings.len()),
                ExitCode::FAILURE,
            )
        }
        Err(reason) => (format!("tidy: {reason}\n"), ExitCode::FAILURE),
    };
    match io::stdout().write_all(report.as_bytes()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}
