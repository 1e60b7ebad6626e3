//! Cold index of a generated repository of 100,000 lines over six languages, and the index after one file changed.
//!
//! `cargo bench -p tenon-context` prints one JSON object; times are medians of five runs in milliseconds.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints its figures and may fail"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use tenon_context::Index;

const LINES: usize = 100_000;
const RUNS: usize = 5;

fn main() {
    let repository = tempfile::tempdir().unwrap();
    let lines = generate(repository.path());
    let cache = tempfile::tempdir().unwrap();
    let cold = median(|_| {
        let cache = tempfile::tempdir().unwrap();
        let begun = Instant::now();
        Index::open(repository.path(), cache.path()).unwrap();
        begun.elapsed()
    });
    Index::open(repository.path(), cache.path()).unwrap();
    let changed = median(|run| {
        let path = repository.path().join("pkg3/module_7.py");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(
            &path,
            format!("{text}\n\ndef added_{run}(value):\n    return value\n"),
        )
        .unwrap();
        let begun = Instant::now();
        let index = Index::open(repository.path(), cache.path()).unwrap();
        let elapsed = begun.elapsed();
        assert_eq!(index.reread(), 1);
        elapsed
    });
    let unchanged = median(|_| {
        let begun = Instant::now();
        Index::open(repository.path(), cache.path()).unwrap();
        begun.elapsed()
    });
    let index = Index::open(repository.path(), cache.path()).unwrap();
    let search = median(|_| {
        let begun = Instant::now();
        assert!(
            !index
                .search("parse the total price of an order and round it", 8)
                .is_empty()
        );
        begun.elapsed()
    });
    let (files, symbols) = index.size();
    println!(
        "{}",
        serde_json::json!({
            "lines": lines, "files": files, "symbols": symbols,
            "cold_ms": cold, "one_file_changed_ms": changed, "unchanged_ms": unchanged, "search_ms": search,
        })
    );
}

fn median(mut run: impl FnMut(usize) -> Duration) -> f64 {
    let mut times: Vec<Duration> = (0..RUNS).map(&mut run).collect();
    times.sort();
    (times[RUNS / 2].as_secs_f64() * 10_000.0).round() / 10.0
}

const NOUNS: [&str; 12] = [
    "order", "price", "customer", "invoice", "token", "header", "report", "session", "ledger", "parcel",
    "route", "metric",
];
const VERBS: [&str; 10] = [
    "parse", "render", "merge", "round", "validate", "load", "count", "split", "filter", "format",
];

/// Writes the repository; the same one at every run.
fn generate(root: &Path) -> usize {
    let mut lines = 0;
    let mut number = 0;
    while lines < LINES {
        let folder = root.join(format!("pkg{}", number % 20));
        std::fs::create_dir_all(&folder).unwrap();
        let (extension, text) = match number % 6 {
            0 | 3 => ("py", python(number)),
            1 => ("rs", rust(number)),
            2 => ("js", javascript(number)),
            4 => ("go", go(number)),
            _ => ("java", java(number)),
        };
        lines += text.lines().count();
        std::fs::write(
            folder.join(format!("module_{}.{extension}", number / 20 * 20 + number % 20)),
            text,
        )
        .unwrap();
        number += 1;
    }
    // The file that changes.
    std::fs::create_dir_all(root.join("pkg3")).unwrap();
    std::fs::write(root.join("pkg3/module_7.py"), python(7)).unwrap();
    lines
}

fn names(number: usize, index: usize) -> (&'static str, &'static str) {
    (
        VERBS[(number * 7 + index * 3) % VERBS.len()],
        NOUNS[(number * 5 + index) % NOUNS.len()],
    )
}

fn python(number: usize) -> String {
    let mut text = String::from("import json\nimport math\nfrom collections import defaultdict\n\n\n");
    for index in 0..16 {
        let (verb, noun) = names(number, index);
        let _ = write!(
            text,
            "def {verb}_{noun}_{number}_{index}({noun}s, limit=10):\n    \"\"\"{verb} every {noun} up to the limit.\"\"\"\n    result = defaultdict(list)\n    for item in {noun}s:\n        if item is None or len(result) > limit:\n            continue\n        total = math.floor(item.total * 100) / 100\n        result[item.name].append((total, json.dumps(item.tags)))\n    return dict(result)\n\n\n"
        );
    }
    text
}

fn rust(number: usize) -> String {
    let mut text = String::from("use std::collections::HashMap;\n\n");
    for index in 0..14 {
        let (verb, noun) = names(number, index);
        let _ = write!(
            text,
            "/// {verb} each {noun} by its name.\npub fn {verb}_{noun}_{number}_{index}(items: &[(String, i64)]) -> HashMap<String, i64> {{\n    let mut totals = HashMap::new();\n    for (name, amount) in items {{\n        if *amount < 0 {{\n            continue;\n        }}\n        *totals.entry(name.clone()).or_insert(0) += amount;\n    }}\n    totals\n}}\n\n"
        );
    }
    text
}

fn javascript(number: usize) -> String {
    let mut text = String::from("import { readFile } from 'node:fs/promises';\n\n");
    for index in 0..14 {
        let (verb, noun) = names(number, index);
        let _ = write!(
            text,
            "/** {verb} the {noun} list. */\nexport async function {verb}{noun}{number}x{index}(path, options = {{}}) {{\n  const lines = (await readFile(path, 'utf8')).split('\\n');\n  const kept = [];\n  for (const line of lines) {{\n    if (line.trim() === '' || line.startsWith(options.comment ?? '#')) {{\n      continue;\n    }}\n    kept.push(line.toUpperCase());\n  }}\n  return kept;\n}}\n\n"
        );
    }
    text
}

fn go(number: usize) -> String {
    let mut text = String::from("package shop\n\nimport \"strings\"\n\n");
    for index in 0..12 {
        let (verb, noun) = names(number, index);
        let _ = write!(
            text,
            "// {verb}{noun}{number}x{index} joins the parts of a {noun}.\nfunc {verb}{noun}{number}x{index}(parts []string) (string, error) {{\n\tkept := make([]string, 0, len(parts))\n\tfor _, part := range parts {{\n\t\tif strings.TrimSpace(part) != \"\" {{\n\t\t\tkept = append(kept, part)\n\t\t}}\n\t}}\n\treturn strings.Join(kept, \"-\"), nil\n}}\n\n"
        );
    }
    text
}

fn java(number: usize) -> String {
    let mut text = format!("package shop;\n\nimport java.util.List;\n\npublic class Module{number} {{\n");
    for index in 0..12 {
        let (verb, noun) = names(number, index);
        let _ = write!(
            text,
            "    /** {verb} one {noun}. */\n    public int {verb}{noun}{index}(List<Integer> items) {{\n        int total = 0;\n        for (int item : items) {{\n            if (item > 0) {{\n                total += item;\n            }}\n        }}\n        return total;\n    }}\n\n"
        );
    }
    text.push_str("}\n");
    text
}
