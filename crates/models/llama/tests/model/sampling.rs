//! Seeds, samples, stop strings, streaming, probabilities.

use tenon_runtime::{CacheScope, FinishReason, Model as _, SampleEvent, Sampling};

use crate::setup::{CODER, SMALL, answer, chat, long_text, raw, refusal, start, text, warm};

#[tokio::test]
async fn the_seed_decides_the_text() {
    let model = start(SMALL).await;
    let ask = |seed| {
        let mut request = chat("Tell me about a colour.");
        request.sampling = warm(seed);
        request
    };
    let first = text(&model, ask(1)).await;
    assert_eq!(text(&model, ask(1)).await, first);
    assert_ne!(text(&model, ask(2)).await, first);
    let again = start(SMALL).await;
    assert_eq!(
        text(&again, ask(1)).await,
        first,
        "another worker, from a cold start"
    );
}

#[tokio::test]
async fn samples_share_one_reading_and_differ() {
    let model = start(SMALL).await;
    let mut request = raw(&long_text("The weight of box", 20));
    request.samples = 4;
    request.sampling = warm(11);
    let mut stream = model.generate(request.clone()).await.unwrap();
    let mut readings = 0;
    let mut texts = vec![String::new(); 4];
    let mut results = vec![None; 4];
    while let Some(event) = stream.next().await {
        match event.unwrap() {
            SampleEvent::PromptRead {
                prompt_tokens,
                cached_tokens,
            } => {
                readings += 1;
                assert!(prompt_tokens.unwrap() > 100);
                assert_eq!(cached_tokens, Some(0));
            }
            SampleEvent::Text { sample, text } => {
                assert_eq!(readings, 1, "text before the prompt was read");
                texts[sample as usize].push_str(&text);
            }
            SampleEvent::Finished { sample, result } => results[sample as usize] = Some(result),
        }
    }
    assert_eq!(readings, 1);
    let results: Vec<_> = results.into_iter().map(Option::unwrap).collect();
    for (streamed, result) in texts.iter().zip(&results) {
        assert_eq!(streamed, &result.text);
        assert!(result.completion_tokens.unwrap() <= 24);
    }
    let mut distinct = texts.clone();
    distinct.sort();
    distinct.dedup();
    assert!(distinct.len() > 1, "every sample has its own seed: {texts:?}");
}

#[tokio::test]
async fn a_sample_drawn_among_others_is_drawn_again_alone() {
    let model = start(CODER).await;
    let mut together = chat("Tell a short story about a fox, a bridge and a lost letter.");
    together.samples = 4;
    together.max_tokens = 64;
    together.sampling = warm(21);
    let (samples, _) = answer(&model, together.clone()).await;
    let again = |index: u64, seed: u64| {
        let mut alone = together.clone();
        alone.samples = 1;
        alone.sampling = warm(seed + index);
        alone.expected = Some(samples[index as usize].tokens.clone());
        // A prompt that was read together with nothing else, and cached for nobody.
        alone.cache_scope = CacheScope(format!("replay {index} of {seed}"));
        alone
    };
    for index in 0..4 {
        let stored = &samples[index as usize];
        let replayed = answer(&model, again(index, 21)).await.0.remove(0);
        assert_eq!(
            (&replayed.tokens, &replayed.text),
            (&stored.tokens, &stored.text),
            "sample {index}"
        );
        assert!(replayed.near_ties < 8, "{} ties", replayed.near_ties);
        let other = answer(&model, again(index, 900)).await.0.remove(0);
        assert_ne!(other.tokens, stored.tokens, "another seed draws something else");
    }
    let mut two = again(0, 21);
    two.samples = 2;
    refusal(&model, two).await;
}

#[tokio::test]
async fn more_samples_than_places_all_finish() {
    let mut configuration = crate::setup::configuration(SMALL);
    configuration.parallel = 2;
    let model = tenon_llama::LlamaModel::start(configuration).await.unwrap();
    let mut request = chat("Name an animal.");
    request.samples = 7;
    request.sampling = warm(3);
    let (samples, _) = answer(&model, request).await;
    assert!(samples.iter().all(|sample| !sample.text.is_empty()));
}

#[tokio::test]
async fn nothing_of_a_stop_string_is_shown() {
    let model = start(SMALL).await;
    let whole = text(&model, raw("1, 2, 3, 4, 5, 6,")).await;
    let stop = &whole[8..14];
    let mut request = raw("1, 2, 3, 4, 5, 6,");
    request.stop = vec!["never".to_owned(), stop.to_owned()];
    let mut stream = model.generate(request).await.unwrap();
    let mut streamed = String::new();
    let mut finished = None;
    while let Some(event) = stream.next().await {
        match event.unwrap() {
            SampleEvent::Text { text, .. } => streamed.push_str(&text),
            SampleEvent::Finished { result, .. } => finished = Some(result),
            SampleEvent::PromptRead { .. } => {}
        }
    }
    let finished = finished.unwrap();
    assert_eq!(finished.finish_reason, FinishReason::Stop);
    assert_eq!(streamed, finished.text);
    assert_eq!(Some(streamed.as_str()), whole.split(stop).next());
}

#[tokio::test]
async fn the_token_limit_is_kept_and_said() {
    let model = start(SMALL).await;
    for most in [0, 1, 5] {
        let mut request = raw("1, 2, 3, 4, 5, 6,");
        request.max_tokens = most;
        let (samples, _) = answer(&model, request).await;
        assert_eq!(samples[0].completion_tokens, Some(most));
        assert_eq!(samples[0].finish_reason, FinishReason::Length);
        assert_eq!(samples[0].text.is_empty(), most == 0);
    }
}

#[tokio::test]
async fn probabilities_are_plausible() {
    let model = start(SMALL).await;
    let mut request = raw("1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,");
    request.max_tokens = 12;
    let sure = answer(&model, request.clone())
        .await
        .0
        .remove(0)
        .mean_logprob
        .unwrap();
    assert!(
        sure <= 0.0 && sure > -0.5,
        "counting on is nearly certain: {sure}"
    );
    request.prompt = tenon_runtime::PromptInput::Raw {
        text: "The".to_owned(),
    };
    request.sampling = Sampling {
        temperature: 1.5,
        seed: 1,
        ..Sampling::GREEDY
    };
    let unsure = answer(&model, request).await.0.remove(0).mean_logprob.unwrap();
    assert!(
        unsure < sure - 1.0,
        "hot draws from nothing are unlikely: {unsure}"
    );
}

#[tokio::test]
async fn bad_numbers_are_refused_by_name() {
    let model = start(SMALL).await;
    let mut request = raw("x");
    request.samples = 0;
    assert!(
        refusal(&model, request)
            .await
            .to_string()
            .contains("`samples` is 0")
    );
    let mut request = raw("x");
    request.sampling.temperature = -1.0;
    assert!(
        refusal(&model, request)
            .await
            .to_string()
            .contains("`temperature` is -1")
    );
    let mut request = raw("x");
    request.sampling.top_p = 0.0;
    assert!(
        refusal(&model, request)
            .await
            .to_string()
            .contains("`top_p` is 0")
    );
}

#[tokio::test]
async fn concurrent_requests_all_finish_with_their_own_answers() {
    let model = start(SMALL).await;
    let ask = |index: u32| {
        let mut request = raw(&format!("{index}, {}, {}, {},", index + 1, index + 2, index + 3));
        request.max_tokens = 4;
        request
    };
    let answers = futures::future::join_all((0..20).map(|index| text(&model, ask(index * 10)))).await;
    let right = answers
        .iter()
        .enumerate()
        .filter(|(index, text)| text.trim_start().starts_with(&(index * 10 + 4).to_string()))
        .count();
    assert!(
        right >= 15,
        "each answer goes on with its own numbers: {answers:?}"
    );
}
