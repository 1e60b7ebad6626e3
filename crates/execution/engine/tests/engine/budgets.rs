//! What a run may spend is a bound, not a wish.

use std::time::{Duration, Instant};

use tenon_domain::{Intent, Level};
use tenon_testkit::Answer;

use crate::scene::{Scene, accepting, coder, fates, fix, generate};

const TEXT: &str = "def shout(text):\n    return text.upper()\n";
const WISH: &str = "make `shout` end with an exclamation mark, e.g. shout(\"a\") == \"A!\"";

fn within_attempts(mut intent: Intent, most: u32) -> Intent {
    intent.budget.max_attempts = most;
    intent
}

fn within(mut intent: Intent, time: Duration) -> Intent {
    intent.budget.max_time = time;
    intent
}

#[tokio::test]
async fn attempts_are_counted_whatever_they_are_for() {
    // The first answer of each model draws a second one with the checker's word, which counts like any other.
    let undefined = "def shout(text):\n    return loud(text)\n";
    for most in 1..6 {
        let weak = coder().named("weak").otherwise(undefined);
        let strong = coder().named("strong").otherwise(undefined);
        let scene = Scene::new(&[("text.py", TEXT)])
            .with(weak.clone())
            .with(strong.clone());
        let proposal = scene.propose(&within_attempts(generate(WISH), most)).await;
        let asked: u32 = [&weak, &strong]
            .iter()
            .flat_map(|model| model.requests())
            .map(|request| request.samples)
            .sum();
        assert!(
            asked <= most,
            "{asked} samples were drawn of {most}: {:?}",
            fates(&proposal)
        );
        assert_eq!(proposal.level(), Level::Unverified);
    }
}

#[tokio::test]
async fn the_second_part_of_a_change_does_not_get_a_budget_of_its_own() {
    let page = "def title_of(page):\n    return page[\"title\"]\n";
    let model = coder()
        .then("def slug(title):\n    return title\n")
        .otherwise("def title_of(page):\n    return 1\n");
    let scene = Scene::new(&[("text.py", TEXT), ("page.py", page)]).with(model.clone());
    let wish =
        "add slug(title) to text.py and use it in `title_of`, e.g. title_of({\"title\": \"a\"}) == \"a\"";
    let proposal = scene.propose(&within_attempts(generate(wish), 3)).await;
    let asked: u32 = model.requests().iter().map(|request| request.samples).sum();
    assert!(asked <= 3, "{asked}: {:?}", fates(&proposal));
}

#[tokio::test]
async fn fixing_is_bound_too() {
    let model = coder().otherwise("def shout(text):\n    return text\n");
    let scene = Scene::new(&[("text.py", TEXT)]).with(model.clone());
    let command = "python3 -c 'import text; assert text.shout(\"a\") == 7'";
    let proposal = scene.propose(&within_attempts(fix(command), 2)).await;
    let asked: u32 = model.requests().iter().map(|request| request.samples).sum();
    assert!(asked <= 2, "{asked}: {:?}", fates(&proposal));
    assert_eq!(proposal.level(), Level::Unverified);
}

#[tokio::test]
async fn a_model_that_never_ends_is_left_when_the_time_is_up() {
    let model = coder().then(Answer::Hang);
    let scene = Scene::new(&[("text.py", TEXT)]).with(model.clone());
    let proposal = scene
        .propose(&within(generate(WISH), Duration::from_millis(500)))
        .await;
    assert_eq!(proposal.level(), Level::Unverified);
    assert!(proposal.change.is_empty());
    model.cancelled().await;
}

#[tokio::test]
async fn a_command_that_never_ends_is_stopped_when_the_time_is_up() {
    let scene = Scene::new(&[("text.py", TEXT)]).with(coder().otherwise("def shout(text):\n    return 1\n"));
    let begun = Instant::now();
    let wish = "make `shout` end with an exclamation mark";
    let intent = within(accepting(generate(wish), "sleep 120"), Duration::from_secs(3));
    let proposal = scene.propose(&intent).await;
    assert_eq!(proposal.level(), Level::Unverified);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_answer_is_granted_no_more_tokens_than_the_budget_says() {
    let model = coder().otherwise("def shout(text):\n    return text\n");
    let scene = Scene::new(&[("text.py", TEXT)]).with(model.clone());
    let mut intent = generate("add whisper(text) to text.py");
    intent.budget.max_sample_tokens = 99;
    scene.propose(&intent).await;
    assert!(model.requests().iter().all(|request| request.max_tokens <= 99));
}
