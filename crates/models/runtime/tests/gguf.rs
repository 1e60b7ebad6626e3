//! What is read from GGUF files, and that nothing in a hostile one does harm.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use proptest::prelude::*;
use support::{GgufBuilder, tiny_model};
use tenon_runtime::gguf::{GgufError, GgufFault, parse_gguf, read_gguf};
use tenon_runtime::{FillMarkers, GgufSummary};

fn parse(bytes: &[u8]) -> Result<GgufSummary, GgufFault> {
    parse_gguf(bytes, bytes.len() as u64)
}

#[test]
fn a_model_is_described() {
    let bytes = GgufBuilder::new()
        .text("general.architecture", "qwen2")
        .text("general.name", "Tiny")
        .text("general.license", "apache-2.0")
        .number("qwen2.context_length", 32_768)
        .number("qwen2.block_count", 24)
        .number("qwen2.rope.scaling.original_context_length", 1)
        .texts(
            "tokenizer.ggml.tokens",
            &["a", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"],
        )
        .text("tokenizer.chat_template", "{{ messages }}")
        .tensor("weights", &[32, 2], 8)
        .build();
    let summary = parse(&bytes).unwrap();
    assert_eq!(
        summary,
        GgufSummary {
            version: 3,
            architecture: "qwen2".to_owned(),
            name: Some("Tiny".to_owned()),
            licence: Some("apache-2.0".to_owned()),
            context_length: Some(32_768),
            layers: Some(24),
            vocabulary: Some(4),
            has_chat_template: true,
            fill_markers: Some(FillMarkers {
                prefix: 1,
                suffix: 3,
                middle: 2,
            }),
            tensors: 1,
            needed_bytes: bytes.len() as u64,
        }
    );
}

#[test]
fn markers_named_by_the_file_win_over_known_names() {
    let bytes = GgufBuilder::new()
        .text("general.architecture", "x")
        .texts(
            "tokenizer.ggml.tokens",
            &["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"],
        )
        .number("tokenizer.ggml.fim_pre_token_id", 7)
        .number("tokenizer.ggml.fim_suf_token_id", 8)
        .number("tokenizer.ggml.fim_mid_token_id", 9)
        .build();
    let markers = parse(&bytes).unwrap().fill_markers.unwrap();
    assert_eq!((markers.prefix, markers.suffix, markers.middle), (7, 8, 9));
    let half = GgufBuilder::new()
        .text("general.architecture", "x")
        .texts("tokenizer.ggml.tokens", &["<|fim_prefix|>", "<|fim_suffix|>"])
        .build();
    assert_eq!(parse(&half).unwrap().fill_markers, None);
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let bytes = tiny_model(64);
    parse(&bytes).unwrap();
    for length in 0..bytes.len() {
        let fault = parse(&bytes[..length]).unwrap_err();
        let expected = match length {
            0..4 => matches!(fault, GgufFault::NotGguf(_)),
            _ => matches!(fault, GgufFault::Truncated(needed) if needed > length as u64),
        };
        assert!(expected, "{length}: {fault:?}");
    }
}

#[test]
fn other_files_are_told_apart_with_the_mend() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let refusal = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        read_gguf(&path).unwrap_err()
    };
    let error = refusal(b"PK\x03\x04 a zip file");
    assert!(matches!(error, GgufError::NotGguf { .. }), "{error}");
    assert!(error.to_string().contains("GGUF format"), "{error}");
    let error = refusal(b"");
    assert!(matches!(error, GgufError::NotGguf { .. }), "{error}");
    let error = refusal(b"GGUF\x01\0\0\0 and more of it, and more");
    assert!(matches!(error, GgufError::Version { .. }), "{error}");
    let error = refusal(b"GGUF\0\0\0\x03 and more of it, and more");
    assert!(error.to_string().contains("big-endian"), "{error}");
    let error = refusal(&tiny_model(64)[..80]);
    assert!(matches!(error, GgufError::Truncated { .. }), "{error}");
    assert!(error.to_string().contains("bring the file again"), "{error}");
    let error = read_gguf(folder.path()).unwrap_err();
    assert!(matches!(error, GgufError::Read { .. }), "{error}");
}

#[test]
fn numbers_that_lie_cost_nothing() {
    let header = |tensors: u64, pairs: u64, rest: &[u8]| {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(tensors.to_le_bytes());
        bytes.extend(pairs.to_le_bytes());
        bytes.extend(rest);
        bytes
    };
    assert!(matches!(
        parse(&header(0, u64::MAX, b"")),
        Err(GgufFault::Truncated(_))
    ));
    assert!(matches!(
        parse(&header(0, 1, &[0xff; 40])),
        Err(GgufFault::Truncated(_))
    ));
    let architecture = GgufBuilder::new().text("general.architecture", "x");
    let many = architecture.clone().claiming_tensors(u64::MAX).build();
    assert!(matches!(parse(&many), Err(GgufFault::Truncated(_))));
    let huge = architecture.clone().tensor("t", &[u64::MAX, 2], 0).build();
    assert!(matches!(parse(&huge), Err(GgufFault::Malformed(_))));
    let endless = architecture.clone().array("a", 8, u64::MAX, &[]).build();
    assert!(matches!(parse(&endless), Err(GgufFault::Truncated(_))));
    let unknown = architecture.clone().array("a", 99, 1, &[]).build();
    assert!(matches!(parse(&unknown), Err(GgufFault::Malformed(_))));
    let deep: Vec<u8> = (0..64)
        .flat_map(|_| [&9_u32.to_le_bytes()[..], &1_u64.to_le_bytes()].concat())
        .collect();
    let deep = architecture.array("a", 9, 1, &deep).build();
    assert!(matches!(parse(&deep), Err(GgufFault::Malformed(_))));
}

#[test]
fn a_model_without_an_architecture_is_none() {
    let bytes = GgufBuilder::new().text("general.name", "x").build();
    assert!(matches!(parse(&bytes), Err(GgufFault::Malformed(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..400), claimed: u64) {
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        file.extend(bytes);
        let _ = parse(&file);
        // The file may shrink between being measured and being read.
        let _ = parse_gguf(file.as_slice(), claimed);
    }

    #[test]
    fn no_change_of_a_model_breaks_the_reader(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut file = tiny_model(16);
        for (place, byte) in changes {
            let index = place.index(file.len());
            file[index] = byte;
        }
        if let Ok(summary) = parse(&file) {
            prop_assert!(summary.needed_bytes <= file.len() as u64);
        }
    }
}
