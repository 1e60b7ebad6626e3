//! Explanations change nothing, and are looked at for names that do not exist.

use tenon_domain::{Outcome, Severity};
use tenon_engine::EngineError;

use crate::scene::{Scene, coder, explain, report};

const CART: &str = "RATE = 3\n\n\ndef total(prices):\n    return sum(prices) * RATE\n";

#[tokio::test]
async fn a_symbol_is_explained() {
    let model = coder().then("`total` adds `prices` with `sum` and multiplies by `RATE`.");
    let scene = Scene::new(&[("cart.py", CART)]).with(model.clone());
    let proposal = scene.propose(&explain("total")).await;
    assert_eq!(
        proposal.explanation.as_deref(),
        Some("`total` adds `prices` with `sum` and multiplies by `RATE`.")
    );
    assert!(proposal.change.is_empty());
    assert!(report(&proposal, "names in the explanation").findings.is_empty());
    assert!(model.prompts()[0].contains("sum(prices) * RATE"));
}

#[tokio::test]
async fn a_whole_file_is_explained() {
    let model = coder().then("`cart.py` sums up.");
    let scene = Scene::new(&[("cart.py", CART)]).with(model.clone());
    let proposal = scene.propose(&explain("cart.py")).await;
    assert_eq!(proposal.explanation.as_deref(), Some("`cart.py` sums up."));
    assert!(model.prompts()[0].contains("RATE = 3"));
}

#[tokio::test]
async fn invented_names_are_cautioned_about() {
    let scene = Scene::new(&[("cart.py", CART)]).with(coder().then("`total` calls `apply_discount`."));
    let proposal = scene.propose(&explain("total()")).await;
    let report = report(&proposal, "names in the explanation");
    assert_eq!(report.outcome, Outcome::Passed, "a caution, not a verdict");
    let [finding] = report.findings.as_slice() else {
        panic!("one caution: {report:#?}");
    };
    assert_eq!(finding.severity, Severity::Warning);
    assert!(
        finding.message.contains("`apply_discount`"),
        "{}",
        finding.message
    );
}

#[tokio::test]
async fn an_unknown_symbol_brings_the_nearest() {
    let scene = Scene::new(&[("cart.py", CART)]).with(coder());
    let error = scene.refusal(&explain("totl")).await;
    assert!(matches!(error, EngineError::NotFound { .. }), "{error:?}");
    assert!(
        error.to_string().contains("`totl` is not in the repository"),
        "{error}"
    );
    let error = scene.refusal(&explain("missing.py")).await;
    assert!(matches!(error, EngineError::NotFound { .. }), "{error:?}");
}
