//! One good answer: where it goes, what is shown for it, and what is remembered.

use tenon_domain::{ChangeKind, Level, Outcome};
use tenon_engine::Event;
use tenon_runtime::{PromptInput, Role};

use crate::scene::{Scene, accepting, coder, fates, generate, in_file, paths, report, text_of};

const TEXT: &str = "def shout(text):\n    return text.upper()\n";
const SLUGIFY: &str = "def slugify(title):\n    return \"-\".join(title.lower().split())\n";
const WISH: &str =
    "add slugify(title) to text.py: lower case, words joined by hyphens, e.g. slugify(\"A b\") == \"a-b\"";

#[tokio::test]
async fn a_function_is_added_and_its_example_shows_that_it_works() {
    let scene = Scene::new(&[("text.py", TEXT)]).with(coder().then(SLUGIFY));
    let proposal = scene.propose(&generate(WISH)).await;
    assert_eq!(proposal.level(), Level::Tested, "{:#?}", proposal.evidence);
    assert_eq!(paths(&proposal), ["text.py"]);
    assert_eq!(proposal.change.files[0].kind(), ChangeKind::Modified);
    assert_eq!(text_of(&proposal, "text.py"), format!("{TEXT}\n\n{SLUGIFY}"));
    assert_eq!(report(&proposal, "examples").outcome, Outcome::Passed);
    assert_eq!(proposal.evidence.sandbox.as_ref().unwrap().name, "bubblewrap");
    assert_eq!(proposal.summary, "add slugify to text.py; its examples hold");
}

#[tokio::test]
async fn everything_that_led_to_the_change_is_on_record() {
    let model = coder()
        .named("small")
        .then("def slugify(title):\n    return title\n")
        .then(SLUGIFY);
    let scene = Scene::new(&[("text.py", TEXT)]).with(model.clone());
    let proposal = scene.propose(&generate(WISH)).await;
    let provenance = &proposal.provenance;
    assert_eq!(provenance.base_commit.as_deref(), Some("0123abcd"));
    assert_eq!(provenance.chosen, Some(1));
    assert_eq!(fates(&proposal)[..2], ["examples", "passed"]);
    let requests = model.requests();
    assert_eq!(proposal.usage.attempts as usize, provenance.attempts.len());
    for attempt in &provenance.attempts {
        assert_eq!(attempt.model.name, "small");
        assert!(attempt.model.digest.is_some());
        // What is stored is what was sent: enough to ask again.
        let sent: PromptInput = serde_json::from_str(&attempt.prompt).unwrap();
        let seed = attempt
            .sampling
            .seed
            .wrapping_sub(u64::from(attempt.sampling.index));
        let request = requests
            .iter()
            .find(|request| request.prompt == sent && request.sampling.seed == seed);
        let request = request.unwrap_or_else(|| panic!("never asked: {attempt:#?}"));
        assert_eq!(request.samples, attempt.sampling.together);
        assert_eq!(request.max_tokens, attempt.sampling.max_tokens);
        assert_eq!(request.stop, attempt.sampling.stop);
        assert_eq!(attempt.template.name.split('/').next(), Some("generate"));
        assert!(attempt.completion_tokens.unwrap() > 0);
    }
    assert!(provenance.attempts[1].text.starts_with("def slugify(title"));
    assert!(proposal.usage.prompt_tokens > 0 && proposal.usage.completion_tokens > 0);
}

#[tokio::test]
async fn the_same_seed_asks_the_same_questions() {
    let mut asked = Vec::new();
    for _ in 0..2 {
        let model = coder().otherwise("def slugify(title):\n    return title\n");
        let scene = Scene::new(&[("text.py", TEXT)]).with(model.clone());
        let proposal = scene.propose(&generate(WISH)).await;
        asked.push((model.requests(), proposal.provenance.context_digest));
    }
    assert_eq!(asked[0], asked[1]);
}

#[tokio::test]
async fn a_function_is_edited_and_the_rest_of_the_file_stays() {
    let before = format!("{TEXT}\n\ndef whisper(text):\n    # quietly\n    return text.lower()\n");
    let answer = "def shout(text):\n    return text.upper() + \"!\"\n";
    let scene = Scene::new(&[("text.py", &before)]).with(coder().then(answer));
    let wish = "make `shout` end with an exclamation mark, e.g. shout(\"a\") == \"A!\"";
    let proposal = scene.propose(&generate(wish)).await;
    assert_eq!(proposal.level(), Level::Tested);
    assert_eq!(
        text_of(&proposal, "text.py"),
        before.replace("upper()", "upper() + \"!\"")
    );
}

#[tokio::test]
async fn a_stub_is_completed_under_its_documentation() {
    let stub = "def double(number):\n    \"\"\"Doubles.\n\n    >>> double(2)\n    4\n    \"\"\"\n";
    let model = coder()
        .then(format!("{stub}    return number + 1\n"))
        .otherwise(format!("{stub}    return number * 2\n"));
    let scene = Scene::new(&[("numbers_.py", stub)]).with(model);
    let proposal = scene.propose(&generate("complete `double`")).await;
    assert_eq!(proposal.level(), Level::Tested);
    assert_eq!(
        text_of(&proposal, "numbers_.py"),
        format!("{stub}    return number * 2\n")
    );
    assert_eq!(fates(&proposal)[0], "examples", "3 is not 4");
}

#[tokio::test]
async fn a_new_file_is_created() {
    let scene = Scene::new(&[("text.py", TEXT)]).with(coder().then(SLUGIFY));
    let wish = "add slugify(title) to tools/slug.py, e.g. slugify(\"A b\") == \"a-b\"";
    let proposal = scene.propose(&generate(wish)).await;
    assert_eq!(proposal.level(), Level::Tested);
    assert_eq!(paths(&proposal), ["tools/slug.py"]);
    assert_eq!(proposal.change.files[0].kind(), ChangeKind::Created);
}

#[tokio::test]
async fn inputs_and_outputs_of_a_docstring_are_examples() {
    let stub = "def largest(values, count):\n    \"\"\"Returns the largest values.\n\n    Example 1:\n        Input: values = [3, 1, 2], count = 2\n        Output: [2, 3]\n    \"\"\"\n";
    let model = coder()
        .then(format!("{stub}    return sorted(values)[:count]\n"))
        .otherwise(format!("{stub}    return sorted(values)[-count:]\n"));
    let scene = Scene::new(&[("numbers_.py", stub)]).with(model);
    let proposal = scene.propose(&generate("complete `largest`")).await;
    assert_eq!(proposal.level(), Level::Tested);
    assert_eq!(fates(&proposal)[0], "examples");
}

#[tokio::test]
async fn a_wish_that_names_only_what_is_not_there_asks_for_it() {
    let tables = "def header(text):\n    return text.split(\"\\n\")[0].split(\",\")\n";
    let tests = "import unittest\nfrom tables import header\n\n\nclass T(unittest.TestCase):\n    def test_header(self):\n        self.assertEqual(header(\"a,b\"), [\"a\", \"b\"])\n";
    let answer = "def column(text, name):\n    return [line.split(\",\")[header(text).index(name)] for line in text.split(\"\\n\")[1:]]\n";
    let scene =
        Scene::new(&[("tables.py", tables), ("test_tables.py", tests)]).with(coder().otherwise(answer));
    let wish = "I need a helper in tables.py: column(text, name) takes text with a header line and returns one column";
    let proposal = scene.propose(&generate(wish)).await;
    assert!(
        text_of(&proposal, "tables.py").starts_with(tables),
        "what is there stays"
    );
    assert!(
        proposal.summary.starts_with("add column to tables.py"),
        "{}",
        proposal.summary
    );
    assert_eq!(proposal.level(), Level::Parsed, "no test reaches what is new");
}

#[tokio::test]
async fn a_method_becomes_part_of_its_type() {
    let script = "export class Cart {\n  constructor() {\n    this.prices = [];\n  }\n}\n";
    let answer = "export class Cart {\n  total() {\n    return this.prices.reduce((sum, price) => sum + price, 0);\n  }\n}\n";
    let scene = Scene::new(&[("cart.mjs", script)]).with(coder().then(answer));
    let proposal = scene
        .propose(&generate("add a method total() to Cart that adds up the prices"))
        .await;
    let text = text_of(&proposal, "cart.mjs");
    assert!(text.starts_with(script.trim_end_matches("}\n")), "{text}");
    assert!(text.contains("\n  total() {\n    return this.prices"), "{text}");
    assert_eq!(text.matches("class Cart").count(), 1);

    let rust = "pub struct Cart {\n    prices: Vec<u32>,\n}\n\nimpl Cart {\n    pub fn new() -> Self {\n        Self { prices: Vec::new() }\n    }\n}\n";
    let answer =
        "impl Cart {\n    pub fn total(&self) -> u32 {\n        self.prices.iter().sum()\n    }\n}\n";
    let scene = Scene::new(&[("cart.rs", rust)]).with(coder().then(answer));
    let proposal = scene
        .propose(&generate(
            "add a method total(&self) -> u32 to Cart that adds up the prices",
        ))
        .await;
    let text = text_of(&proposal, "cart.rs");
    assert!(
        text.contains("    }\n\n    pub fn total(&self) -> u32 {\n        self.prices"),
        "{text}"
    );
    assert_eq!(text.matches("impl Cart").count(), 1);
}

#[tokio::test]
async fn a_new_file_is_used_where_the_wish_says() {
    let invoice = "def line(text, cents):\n    return f\"{text}: {cents}\"\n";
    let money = "def money(cents):\n    return f\"{cents / 100:.2f} EUR\"\n";
    let model = coder().then(money).otherwise(
        "from money import money\n\n\ndef line(text, cents):\n    return f\"{text}: {money(cents)}\"\n",
    );
    let scene = Scene::new(&[("invoice.py", invoice)]).with(model);
    let wish = "create money.py with money(cents) and use it in invoice.py for the amount of every line";
    let proposal = scene.propose(&generate(wish)).await;
    assert_eq!(paths(&proposal), ["invoice.py", "money.py"]);
    assert!(text_of(&proposal, "invoice.py").contains("from money import money"));
}

#[tokio::test]
async fn one_wish_may_change_two_files() {
    let page = "def title_of(page):\n    return page[\"title\"]\n";
    let model = coder().then(SLUGIFY).otherwise(
        "from text import slugify\n\n\ndef title_of(page):\n    return slugify(page[\"title\"])\n",
    );
    let scene = Scene::new(&[("text.py", TEXT), ("page.py", page)]).with(model);
    let wish = "add slugify(title) to text.py: words joined by hyphens; and use it in `title_of`";
    let command = "python3 -c 'import page; assert page.title_of({\"title\": \"A b\"}) == \"a-b\"'";
    let proposal = scene.propose(&accepting(generate(wish), command)).await;
    assert_eq!(proposal.level(), Level::Tested, "{proposal:#?}");
    assert_eq!(paths(&proposal), ["page.py", "text.py"]);
    assert!(text_of(&proposal, "page.py").starts_with("from text import slugify\n"));
}

#[tokio::test]
async fn a_rename_reaches_every_use_and_needs_no_model() {
    let user = "from text import shout\n\n\ndef greet(name):\n    return shout(name)\n";
    let tests = "import unittest\nfrom user import greet\n\n\nclass T(unittest.TestCase):\n    def test_greet(self):\n        self.assertEqual(greet(\"a\"), \"A\")\n";
    let scene = Scene::new(&[("text.py", TEXT), ("user.py", user), ("test_user.py", tests)]);
    let proposal = scene.propose(&generate("rename shout to scream")).await;
    assert_eq!(paths(&proposal), ["text.py", "user.py"]);
    assert_eq!(text_of(&proposal, "user.py"), user.replace("shout", "scream"));
    assert_eq!(report(&proposal, "unittest").outcome, Outcome::Passed);
    assert_eq!(proposal.usage.attempts, 0);
}

#[tokio::test]
async fn a_deletion_is_proposed_and_what_it_breaks_is_seen() {
    let tests = "import unittest\nfrom text import shout\n\n\nclass T(unittest.TestCase):\n    def test_shout(self):\n        self.assertEqual(shout(\"a\"), \"A\")\n";
    let scene = Scene::new(&[("text.py", TEXT), ("old.py", "x = 1\n"), ("test_text.py", tests)]);
    let harmless = scene.propose(&generate("delete old.py")).await;
    assert_eq!(harmless.change.files[0].kind(), ChangeKind::Deleted);
    assert_eq!(report(&harmless, "unittest").outcome, Outcome::Passed);
    let harmful = scene.propose(&generate("delete text.py")).await;
    assert_eq!(harmful.level(), Level::Unverified, "{:#?}", harmful.evidence);
}

#[tokio::test]
async fn the_named_file_wins_over_what_ranking_would_choose() {
    let scene = Scene::new(&[
        ("slug.py", "def slug(text):\n    return text\n"),
        ("other.py", TEXT),
    ])
    .with(coder().then(SLUGIFY));
    let wish = "add slugify(title): a slug of the title, e.g. slugify(\"A b\") == \"a-b\"";
    let proposal = scene.propose(&in_file(generate(wish), "other.py")).await;
    assert_eq!(paths(&proposal), ["other.py"]);
}

#[tokio::test]
async fn other_code_that_the_wish_names_is_shown_to_the_model() {
    let model = coder().otherwise("def greet(name):\n    return shout(name)\n");
    let scene = Scene::new(&[("text.py", TEXT), ("user.py", "from text import shout\n")]).with(model.clone());
    scene
        .propose(&generate("add greet(name) to user.py, which calls `shout`"))
        .await;
    let PromptInput::Chat { messages, .. } = &model.requests()[0].prompt else {
        panic!("code is asked for in a conversation");
    };
    assert!(messages.iter().all(|message| message.role != Role::Assistant));
    assert!(
        model.prompts()[0].contains("def shout(text)"),
        "{}",
        model.prompts()[0]
    );
}

#[tokio::test]
async fn progress_is_told_while_it_happens() {
    let scene = Scene::new(&[("text.py", TEXT)]).with(coder().then(SLUGIFY));
    scene.propose(&generate(WISH)).await;
    let events = scene.events.all();
    let at = |wanted: &dyn Fn(&Event) -> bool| events.iter().position(wanted).unwrap();
    let read = at(&|event| matches!(event, Event::RepositoryRead { files: 1, symbols: 1 }));
    let located = at(
        &|event| matches!(event, Event::Located { plan, examples: 1 } if plan == "add slugify to text.py"),
    );
    let sampling = at(&|event| matches!(event, Event::Sampling { attempt: 1, .. }));
    let text = at(&|event| matches!(event, Event::Text { attempt: 1, .. }));
    let checked = at(&|event| matches!(event, Event::Checked { attempt: 1, .. }));
    let passed = at(&|event| {
        matches!(
            event,
            Event::Passed {
                attempt: 1,
                level: Level::Tested
            }
        )
    });
    let order = [read, located, sampling, text, checked, passed];
    assert!(order.is_sorted(), "{order:?}");
}
