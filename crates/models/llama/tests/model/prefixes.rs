//! What one prompt leaves for the next, and for whom.

use tenon_runtime::{CacheScope, GenerateUsage, Model as _, SampleEvent};

use crate::setup::{SMALL, answer, configuration, long_text, raw, start, text, until_text};

#[tokio::test]
async fn a_known_prefix_is_not_read_again() {
    let model = start(SMALL).await;
    let prefix = long_text("The price of item", 40);
    let (_, cold) = answer(&model, raw(&format!("{prefix}First:"))).await;
    assert_eq!(cold.cached_tokens, Some(0));
    let (_, reused) = answer(&model, raw(&format!("{prefix}Second:"))).await;
    let unread = reused.prompt_tokens.unwrap() - reused.cached_tokens.unwrap();
    assert!(unread < 8, "only the end is new: {reused:?}");
}

#[tokio::test]
async fn a_cached_prefix_gives_the_same_text() {
    let prompt = raw(&format!("{}Next:", long_text("The price of item", 40)));
    let cold = text(&start(SMALL).await, prompt.clone()).await;
    let model = start(SMALL).await;
    answer(
        &model,
        raw(&format!("{}Other", long_text("The price of item", 40))),
    )
    .await;
    assert_eq!(text(&model, prompt).await, cold);
}

#[tokio::test]
async fn nothing_crosses_a_scope() {
    let model = start(SMALL).await;
    let ask = |scope: &str| {
        let mut request = raw(&long_text("The secret of box", 30));
        request.cache_scope = CacheScope(scope.to_owned());
        request
    };
    let (first, usage) = answer(&model, ask("ann")).await;
    assert_eq!(usage.cached_tokens, Some(0));
    let (second, usage) = answer(&model, ask("bob")).await;
    assert_eq!(usage.cached_tokens, Some(0), "another scope's prompt was reused");
    assert_eq!(first[0].text, second[0].text);
    let (_, usage) = answer(&model, ask("ann")).await;
    assert!(usage.cached_tokens.unwrap() > 100);
}

#[tokio::test]
async fn scopes_stay_apart_while_they_run_together() {
    let model = start(SMALL).await;
    let ask = |scope: u32| {
        let mut request = raw(&long_text("The secret of box", 30));
        request.cache_scope = CacheScope(scope.to_string());
        answer(&model, request)
    };
    for (_, usage) in futures::future::join_all((0..6).map(ask)).await {
        assert_eq!(usage.cached_tokens, Some(0));
    }
}

#[tokio::test]
async fn prompts_that_arrive_together_share_what_is_computed() {
    let model = start(SMALL).await;
    let prefix = long_text("The price of item", 60);
    let ask = |index: u32| answer(&model, raw(&format!("{prefix}Item {index}:")));
    let answers = futures::future::join_all((0..6).map(ask)).await;
    let unread = |usage: &GenerateUsage| usage.prompt_tokens.unwrap() - usage.cached_tokens.unwrap();
    assert!(unread(&answers[0].1) > 256, "more than one step of reading");
    let read: u32 = answers.iter().map(|(_, usage)| unread(usage)).sum();
    let alone = answers[0].1.prompt_tokens.unwrap();
    assert!(
        read < alone + 6 * 16,
        "one of them reads the beginning: {read} tokens, {alone} alone"
    );
    assert!(answers.iter().all(|(samples, _)| !samples[0].text.is_empty()));
}

#[tokio::test]
async fn old_prefixes_make_room_for_new_ones() {
    let mut configuration = configuration(SMALL);
    configuration.context_length = 512;
    configuration.cache_cells = 1024;
    let model = tenon_llama::LlamaModel::start(configuration).await.unwrap();
    let ask = |index: u32| {
        let mut request = raw(&long_text(&format!("Row {index} of"), 25));
        request.max_tokens = 4;
        answer(&model, request)
    };
    // More than twice what the cells hold.
    for index in 0..10 {
        ask(index).await;
    }
    let (_, usage) = ask(9).await;
    assert!(usage.cached_tokens.unwrap() > 200, "the latest stays: {usage:?}");
    let (_, usage) = ask(0).await;
    assert!(usage.cached_tokens.unwrap() < 20, "the oldest went: {usage:?}");
}

#[tokio::test]
async fn what_was_put_away_for_others_gives_the_same_text() {
    let model = start(SMALL).await;
    let first = raw(&long_text("The price of item", 60));
    let (expected, cold) = answer(&model, first.clone()).await;
    for index in 0..3 {
        let mut other = raw(&long_text(&format!("Row {index} of"), 60));
        other.cache_scope = CacheScope(format!("scope {index}"));
        answer(&model, other).await;
    }
    let (samples, warm) = answer(&model, first.clone()).await;
    assert_eq!(samples[0].text, expected[0].text);
    assert!(
        warm.cached_tokens.unwrap() + 1 >= cold.prompt_tokens.unwrap(),
        "{warm:?}"
    );
    // A part of it serves as well.
    let mut shorter = raw(&long_text("The price of item", 40));
    // Read in other pieces, numbers round otherwise, and two digits that are about as likely may change places: what
    // comes before the first of them does not.
    shorter.max_tokens = 6;
    let (samples, warm) = answer(&model, shorter.clone()).await;
    assert!(warm.cached_tokens.unwrap() > 200, "{warm:?}");
    let (expected, _) = answer(&start(SMALL).await, shorter).await;
    assert_eq!(samples[0].text, expected[0].text);
}

#[tokio::test]
async fn a_dropped_stream_stops_writing() {
    let mut configuration = configuration(SMALL);
    configuration.parallel = 1;
    let model = tenon_llama::LlamaModel::start(configuration).await.unwrap();
    let counting = |scope: &str| {
        let mut request = raw("1, 2, 3, 4, 5, 6, 7, 8, 9,");
        request.max_tokens = 300;
        request.cache_scope = CacheScope(scope.to_owned());
        request
    };
    let whole = text(&model, counting("whole")).await;
    let mut stream = model.generate(counting("dropped")).await.unwrap();
    until_text(&mut stream).await;
    drop(stream);
    // How far the dropped one came shows in what it left for this one, which has the only place after it.
    let mut same = raw(&format!("1, 2, 3, 4, 5, 6, 7, 8, 9,{whole}"));
    same.cache_scope = CacheScope("dropped".to_owned());
    let (_, usage) = answer(&model, same).await;
    let written = usage.cached_tokens.unwrap();
    assert!(written < 200, "{written} of 300 tokens were written for nobody");
}

#[tokio::test]
async fn a_request_dropped_while_reading_leaves_what_was_read() {
    let model = start(SMALL).await;
    let prompt = long_text("row", 150);
    let stream = model.generate(raw(&prompt)).await.unwrap();
    drop(stream);
    let mut stream = model.generate(raw(&prompt)).await.unwrap();
    let read = stream.next().await.unwrap().unwrap();
    assert!(matches!(read, SampleEvent::PromptRead { .. }));
}

#[tokio::test]
async fn a_short_request_overtakes_a_long_one() {
    let model = start(SMALL).await;
    let mut long = raw(&long_text("row", 150));
    long.max_tokens = 60;
    let mut long = model.generate(long).await.unwrap();
    let mut short = raw("a, b, c,");
    short.max_tokens = 1;
    short.cache_scope = CacheScope("editor".to_owned());
    let finished = answer(&model, short).await;
    assert_eq!(finished.0.len(), 1);
    // The long one still writes: its last event is not there yet.
    let mut finished = false;
    while let Some(event) = long.next().await {
        finished = matches!(event.unwrap(), SampleEvent::Finished { .. });
    }
    assert!(finished);
}
