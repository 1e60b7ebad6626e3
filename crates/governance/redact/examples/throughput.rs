//! How fast source-like text is redacted, and that of the secrets sown into it none is left: `throughput [FILE…]`.
//!
//! With files, what would be replaced in them is printed by kind and line, never by value.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measuring instrument that cannot go on should say so and stop"
)]

use std::time::{Duration, Instant};

use tenon_redact::{Kind, Redactor, Settings};

#[path = "../../../foundation/secrets/tests/secrets/samples.rs"]
mod samples;
use samples::{Random, Sample, sample};

const PROMPTS: u64 = 1000;
const LINES: usize = 200;

fn main() {
    let redactor = Redactor::new(Settings::default());
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        measure(&redactor);
    }
    let (mut bytes, mut spent) = (0, Duration::ZERO);
    for file in &files {
        let Ok(text) = std::fs::read_to_string(file) else {
            continue;
        };
        bytes += text.len();
        spent += report(&redactor, file, &text);
    }
    if bytes > 0 {
        println!("{bytes} bytes, {:.0} MB/s", speed(bytes, spent));
    }
}

fn measure(redactor: &Redactor) {
    let mut random = Random(1);
    let prompts: Vec<(String, Vec<Sample>)> = (0..PROMPTS).map(|_| prompt(&mut random)).collect();
    let bytes: usize = prompts.iter().map(|(text, _)| text.len()).sum();
    let mut spent = Duration::ZERO;
    let (mut sown, mut replaced, mut left) = (0, 0, 0);
    for (text, secrets) in &prompts {
        let mut session = redactor.session();
        let begun = Instant::now();
        let redacted = session.redact(text);
        spent += begun.elapsed();
        sown += secrets.len();
        replaced += session
            .findings()
            .iter()
            .map(|finding| finding.count)
            .sum::<usize>();
        for secret in secrets.iter().filter(|secret| redacted.contains(&secret.value)) {
            println!("left: {} as {}", secret.kind, secret.text);
            left += 1;
        }
        assert_eq!(session.restore(&redacted), *text);
    }
    let speed = speed(bytes, spent);
    println!(
        "{PROMPTS} prompts, {bytes} bytes, {sown} secrets sown, {replaced} replaced, {left} left, {speed:.0} MB/s"
    );
    assert_eq!(left, 0);
}

/// Code, with secrets between its lines.
fn prompt(random: &mut Random) -> (String, Vec<Sample>) {
    let mut text = String::new();
    let mut secrets = Vec::new();
    for _ in 0..LINES {
        text.push_str(&line(random));
        if random.below(LINES / 4) == 0 {
            let kind = Kind::ALL[random.below(Kind::ALL.len() - 1)];
            let secret = sample(kind, random);
            text.push_str(&secret.text);
            text.push('\n');
            secrets.push(secret);
        }
    }
    (text, secrets)
}

fn line(random: &mut Random) -> String {
    let name = random.text("abcdefghijklmnoprstuvw", 6);
    let number = random.below(5000);
    let frames = [
        "    let # = self.#.iter().map(|item| item.value + 1).collect::<Vec<_>>();\n",
        "def #(self, value: int = %, name: str = \"#\") -> None:\n",
        "        if token.kind != TokenKind.NAME or index >= % - 1:\n",
        "    // # is read before the key is looked up, because of issue %\n",
        "export const # = async (request, response) => response.json({ #: % });\n",
        "        return self.#(password=password, secret=None)[%]\n",
        "}\n\n",
        "    \"#\": { \"version\": \"1.%.0\", \"resolved\": \"https://registry.npmjs.org/#\" },\n",
    ];
    random
        .one_of(&frames)
        .replace('#', &name)
        .replace('%', &number.to_string())
}

fn speed(bytes: usize, spent: Duration) -> f64 {
    bytes as f64 / spent.as_secs_f64() / 1e6
}

fn report(redactor: &Redactor, file: &str, text: &str) -> Duration {
    let mut session = redactor.session();
    let begun = Instant::now();
    let redacted = session.redact(text);
    let spent = begun.elapsed();
    for (index, line) in redacted
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains("TENON_REDACTED_"))
    {
        println!(
            "{file}:{}: {}",
            index + 1,
            line.trim().chars().take(160).collect::<String>()
        );
    }
    spent
}
