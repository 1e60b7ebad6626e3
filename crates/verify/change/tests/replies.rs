//! From the reply to the file: replies as small models write them, in one table of samples.

use std::fmt::Write as _;

use tenon_change::{SpliceScope, choose_block, extract_blocks, splice};
use tenon_syntax::{Language, SourceFile};

/// Each sample is a line with the language and the wanted names, the file, a line of dashes and the reply.
const SAMPLES: &str = include_str!("samples/replies.txt");

#[test]
fn replies_become_files() {
    let mut shown = String::new();
    for sample in SAMPLES
        .split("=====\n")
        .filter(|sample| !sample.trim().is_empty())
    {
        let (head, rest) = sample.split_once('\n').unwrap();
        let (original, reply) = rest.split_once("-----\n").unwrap();
        let mut words = head.split_whitespace();
        let language = Language::from_name(words.next().unwrap()).unwrap();
        let wanted: Vec<String> = words.map(str::to_owned).collect();
        let original = SourceFile::parse(language, original).unwrap();
        let blocks = extract_blocks(&format!("Sure:\n\n```{}\n{reply}```\n", language.name()));
        let chosen = choose_block(&blocks, language, &wanted).unwrap();
        let scope = SpliceScope {
            wanted,
            ..SpliceScope::default()
        };
        let spliced = match splice(&original, &chosen.file, &scope) {
            Ok(spliced) => spliced,
            Err(error) => panic!("{head}: {error}\n{reply}"),
        };
        assert_eq!(
            SourceFile::parse(language, spliced.text.as_str())
                .unwrap()
                .error_count(),
            0
        );
        writeln!(
            shown,
            "===== {head}\n{}--- replaced {:?} added {:?} imports {:?} dropped {:?}",
            spliced.text, spliced.replaced, spliced.added, spliced.imports_added, spliced.dropped
        )
        .unwrap();
    }
    insta::assert_snapshot!(shown);
}
