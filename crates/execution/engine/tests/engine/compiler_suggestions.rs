//! What the compiler itself would write is taken before a model is asked again.

use tenon_domain::{Level, Outcome};

use crate::scene::{Scene, coder, fates, generate, in_file, reason, report, text_of};

const MANIFEST: &str = "[package]\nname = \"sensor\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
const AVERAGE: &str = "/// The average value.\npub fn average(values: &[f64]) -> f64 {\n    values.iter().sum::<f64>() / values.len() as f64\n}\n";
const UNWRAPPED: &str = "/// The average value.\npub fn average(values: &[f64]) -> Option<f64> {\n    if values.is_empty() {\n        None\n    } else {\n        values.iter().sum::<f64>() / values.len() as f64\n    }\n}\n";

#[tokio::test]
async fn what_the_compiler_would_write_is_taken() {
    let scene =
        Scene::new(&[("Cargo.toml", MANIFEST), ("src/lib.rs", AVERAGE)]).with(coder().then(UNWRAPPED));
    let intent = in_file(generate("make `average` return None for no values"), "src/lib.rs");
    let proposal = scene.propose(&intent).await;
    assert_eq!(proposal.level(), Level::Built, "{:#?}", proposal.evidence);
    assert_eq!(proposal.usage.attempts, 1);
    assert!(
        text_of(&proposal, "src/lib.rs").contains("Some(values.iter().sum::<f64>() / values.len() as f64)")
    );
    assert_eq!(report(&proposal, "cargo check").outcome, Outcome::Passed);
}

#[tokio::test]
async fn what_it_cannot_mend_is_rejected_as_it_was_written() {
    let broken = "pub fn average(values: &[f64]) -> f64 {\n    values.mean()\n}\n";
    let scene =
        Scene::new(&[("Cargo.toml", MANIFEST), ("src/lib.rs", AVERAGE)]).with(coder().otherwise(broken));
    let proposal = scene
        .propose(&generate("make `average` robust in src/lib.rs"))
        .await;
    assert_eq!(proposal.level(), Level::Unverified);
    assert!(text_of(&proposal, "src/lib.rs").contains("values.mean()"));
    assert!(reason(&proposal, 0).contains("mean"), "{}", reason(&proposal, 0));
}

#[tokio::test]
async fn a_plain_word_beside_its_file_is_a_name_that_must_change() {
    let code = "def average(values):\n    return sum(values) / len(values)\n\n\ndef summary(values):\n    return str(average(values))\n";
    let only_summary = code.replace("str(average(values))", "\"average \" + str(average(values))");
    let both = only_summary.replace(
        "    return sum",
        "    if not values:\n        return None\n    return sum",
    );
    let scene = Scene::new(&[("stats.py", code)]).with(coder().then(only_summary).otherwise(both.as_str()));
    let wish =
        "average in stats.py fails for no values: let it return None then, and let summary say what it shows";
    let proposal = scene.propose(&generate(wish)).await;
    assert_eq!(fates(&proposal)[..2], ["not extracted", "passed"]);
    assert_eq!(reason(&proposal, 0), "the answer leaves `average` as it is");
    assert_eq!(text_of(&proposal, "stats.py"), both);
}
