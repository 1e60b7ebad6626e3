use tenon_domain::{
    Attempt, AttemptOutcome, Digest, Level, ModelReference, Provenance, SamplingRecord, TemplateReference,
};
use tenon_engine::{RedactionSettings, Redactor, redact_provenance};
use tenon_runtime::PromptInput;
use tenon_secrets::Kind;

use crate::{chat, secret};

fn attempt(prompt: &PromptInput, text: &str) -> Attempt {
    let prompt = serde_json::to_string(prompt).unwrap();
    Attempt {
        template: TemplateReference {
            name: "generate/function".to_owned(),
            version: "1".to_owned(),
            digest: Digest::of("a template"),
        },
        model: ModelReference {
            name: "small".to_owned(),
            digest: None,
            price: None,
        },
        sampling: SamplingRecord {
            seed: 1,
            temperature: 0.0,
            top_p: 1.0,
            max_tokens: 100,
            index: 0,
            together: 1,
            stop: Vec::new(),
        },
        prompt_digest: Digest::of(&prompt),
        prompt,
        text: text.to_owned(),
        tokens: vec![1, 2, 3],
        prompt_tokens: Some(3),
        completion_tokens: Some(3),
        outcome: AttemptOutcome::Passed { level: Level::Tested },
        duration_ms: 1,
    }
}

fn kept(attempts: Vec<Attempt>) -> Vec<Attempt> {
    let mut provenance = Provenance {
        tenon_version: "1".to_owned(),
        base_commit: None,
        context_digest: Digest::of("everything"),
        attempts,
        chosen: Some(0),
    };
    redact_provenance(&mut provenance, &Redactor::new(RedactionSettings::default()));
    provenance.attempts
}

#[test]
fn what_is_kept_of_prompts_and_answers_holds_no_secret() {
    let (token, password) = (secret(Kind::GitHubToken), secret(Kind::Credential));
    // A quotation mark is packed in JSON, and only the question gives the password away.
    let prompt = chat(&[&format!("say \"{token}\" and\npassword = \"{password}\"")], "");
    let asked = attempt(&prompt, &format!("login({password}, {token})"));
    let [found] = &kept(vec![asked.clone()])[..] else {
        panic!("there was one attempt")
    };
    for secret in [&token, &password] {
        assert!(
            !found.prompt.contains(secret) && !found.text.contains(secret),
            "{found:?}"
        );
    }
    let PromptInput::Chat { messages, .. } = serde_json::from_str(&found.prompt).unwrap() else {
        panic!("it was a conversation")
    };
    assert!(
        messages[0]
            .content
            .starts_with("say \"TENON_REDACTED_GITHUB_TOKEN_1_")
    );
    assert!(found.text.starts_with("login(TENON_REDACTED_"), "{}", found.text);
    assert_eq!(
        (&found.tokens, found.prompt_digest),
        (&Vec::new(), asked.prompt_digest)
    );
}

#[test]
fn what_holds_none_is_kept_as_it_is() {
    let asked = attempt(&chat(&["add two numbers"], "def"), "def add(a, b): return a + b");
    assert_eq!(kept(vec![asked.clone()]), [asked]);
    let mut other = attempt(&chat(&[], ""), "");
    other.prompt = format!("no prompt of ours: {}", secret(Kind::GitHubToken));
    let found = kept(vec![other]).remove(0);
    assert!(
        found.prompt.contains("TENON_REDACTED_GITHUB_TOKEN_1_"),
        "{}",
        found.prompt
    );
}
