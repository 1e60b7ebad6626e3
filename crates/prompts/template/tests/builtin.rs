//! Every built-in template, as a model reads it: with everything it can be given, and with the least.

use std::collections::BTreeMap;

use tenon_template::{Fragment, Inputs, Library, MessageRole, RenderedPrompt, Template, VariableKind};

fn text_for(variable: &str) -> &'static str {
    match variable {
        "intent" => "trim the title before anything else",
        "code" => "def slugify(title):\n    return \"-\".join(title.lower().split())\n",
        "related" => "def words(text: str) -> list[str]: ...",
        "examples" => "assert slugify(\" a b \") == \"a-b\"",
        "failure" => "AssertionError: 'a-b-' != 'a-b'",
        "tests" => "def test_trims():\n    assert slugify(\" a b \") == \"a-b\"\n",
        "language" => "python",
        "path" => "src/text.py",
        "name" => "slugify",
        "container" => "Text",
        "imports" => "import re",
        "import_line" => "from src.text import slugify",
        "framework" => "unittest (a class derived from unittest.TestCase)",
        other => unreachable!("say here what `{other}` may hold"),
    }
}

fn inputs(template: &Template, wanted: impl Fn(bool) -> bool) -> Inputs {
    let mut inputs = Inputs::default();
    for (name, rule) in template
        .variables()
        .iter()
        .filter(|(_, rule)| wanted(rule.required))
    {
        let text = text_for(name).to_owned();
        if rule.kind == VariableKind::Fragments {
            let fragment = Fragment {
                source: name.clone(),
                tokens: 10,
                priority: Fragment::REQUIRED,
                text,
            };
            inputs.fragments.insert(name.clone(), vec![fragment]);
        } else {
            inputs.values.insert(name.clone(), text);
        }
    }
    inputs
}

fn shown(prompt: &RenderedPrompt) -> String {
    let mut text = String::new();
    for message in &prompt.messages {
        text.push_str(&format!("--- {:?} ---\n{}\n", message.role, message.content));
    }
    text + &format!("--- answer begins ---\n{}", prompt.prefill)
}

#[test]
fn every_template_reads_well_with_everything_and_with_the_least() {
    let library = Library::load(None).unwrap();
    for (name, template) in library.templates() {
        let everything = template.render(&inputs(template, |_| true), 4096).unwrap();
        let least = template
            .render(&inputs(template, |required| required), 4096)
            .unwrap();
        for prompt in [&everything, &least] {
            let last = prompt.messages.last().unwrap();
            assert_eq!(last.role, MessageRole::User, "{name}");
            assert!(!last.content.contains("\n\n\n\n"), "{name}: {}", last.content);
            assert!(prompt.left_out.is_empty());
        }
        let both = format!("{}\n\n=== the least ===\n{}", shown(&everything), shown(&least));
        insta::assert_snapshot!(name.replace('/', "-"), both);
    }
}

#[test]
fn the_estimate_of_the_fixed_text_is_not_too_low() {
    let library = Library::load(None).unwrap();
    for (name, template) in library.templates() {
        let prompt = template.render(&inputs(template, |_| true), 4096).unwrap();
        let bytes: usize = prompt.messages.iter().map(|message| message.content.len()).sum();
        // Code and prose have at least three bytes a token in the vocabularies of coder models.
        let fragments: usize = template.variables().keys().map(|name| text_for(name).len()).sum();
        let fixed = u32::try_from(bytes.saturating_sub(fragments) / 4).unwrap();
        let counted = u32::try_from(template.variables().len() * 10).unwrap();
        assert!(
            prompt.tokens_estimate + counted >= fixed,
            "{name}: {} < {fixed}",
            prompt.tokens_estimate
        );
    }
}

#[test]
fn the_same_inputs_give_the_same_digest_and_others_another() {
    let library = Library::load(None).unwrap();
    let mut digests = BTreeMap::new();
    for (name, template) in library.templates() {
        let everything = inputs(template, |_| true);
        let prompt = template.render(&everything, 4096).unwrap();
        assert_eq!(prompt.digest, template.render(&everything, 4096).unwrap().digest);
        let other = digests.insert(prompt.digest, name);
        assert_eq!(other, None, "`{name}` says the same as another");
    }
}
