//! Models that come into memory and go.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should say so and stop"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tenon_runtime::{
    CacheScope, GenerateRequest, LoadModel, Model, ModelError, Pool, PoolEvent, PooledModel, PromptInput,
    Sampling,
};
use tenon_testkit::{Answer, ScriptedModel};

struct Loader(ScriptedModel);

#[async_trait]
impl LoadModel for Loader {
    async fn load(&self) -> Result<Arc<dyn Model>, ModelError> {
        tokio::task::yield_now().await;
        Ok(Arc::new(self.0.clone()))
    }
}

type Events = Arc<Mutex<Vec<String>>>;

fn pool(budget: u64) -> (Arc<Pool>, Events) {
    let events = Events::default();
    let heard = Arc::clone(&events);
    let tell = move |event| {
        let said = match event {
            PoolEvent::Loaded { name, .. } => format!("+{name}"),
            PoolEvent::Unloaded { name } => format!("-{name}"),
        };
        heard.lock().unwrap().push(said);
    };
    (Arc::new(Pool::new(budget, tell)), events)
}

fn model(pool: &Arc<Pool>, name: &str, bytes: u64, is_pinned: bool) -> PooledModel {
    of(
        pool,
        ScriptedModel::new().named(name).otherwise(name),
        bytes,
        is_pinned,
    )
}

fn of(pool: &Arc<Pool>, scripted: ScriptedModel, bytes: u64, is_pinned: bool) -> PooledModel {
    let descriptor = scripted.descriptor().clone();
    PooledModel::new(Arc::clone(pool), descriptor, bytes, is_pinned, Loader(scripted))
}

fn request() -> GenerateRequest {
    GenerateRequest {
        prompt: PromptInput::Raw { text: "a".to_owned() },
        sampling: Sampling::GREEDY,
        samples: 1,
        max_tokens: 8,
        stop: Vec::new(),
        constraint: None,
        expected: None,
        cache_scope: CacheScope::local(),
    }
}

async fn ask(model: &PooledModel) {
    model.generate(request()).await.unwrap().collect(1).await.unwrap();
}

#[tokio::test]
async fn the_one_that_nobody_asked_for_longest_makes_room() {
    let (pool, events) = pool(20);
    let [a, b, c] = ["a", "b", "c"].map(|name| model(&pool, name, 10, false));
    for model in [&a, &b, &a, &c, &a, &b] {
        ask(model).await;
    }
    assert_eq!(*events.lock().unwrap(), ["+a", "+b", "-b", "+c", "-c", "+b"]);
}

#[tokio::test]
async fn a_pinned_model_stays() {
    let (pool, events) = pool(20);
    let pinned = model(&pool, "a", 10, true);
    let [b, c] = ["b", "c"].map(|name| model(&pool, name, 10, false));
    for model in [&pinned, &b, &c, &pinned] {
        ask(model).await;
    }
    assert_eq!(*events.lock().unwrap(), ["+a", "+b", "-b", "+c"]);
    let large = model(&pool, "large", 11, false);
    let error = large.generate(request()).await.unwrap_err().to_string();
    assert!(error.contains("left for models that are not pinned"), "{error}");
}

#[tokio::test]
async fn a_model_that_is_in_use_is_not_unloaded() {
    let (pool, events) = pool(10);
    let release = Arc::new(tokio::sync::Notify::new());
    let slow = ScriptedModel::new().named("slow").then(Answer::Paused {
        text: "x".to_owned(),
        release: Arc::clone(&release),
        rest: "y".to_owned(),
    });
    let slow = of(&pool, slow, 10, false);
    let other = model(&pool, "other", 10, false);
    let stream = slow.generate(request()).await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(100), ask(&other));
    assert!(waiting.await.is_err(), "there is no room yet");
    let (answer, ()) = tokio::join!(stream.collect(1), async { release.notify_one() });
    assert_eq!(answer.unwrap().0.first().unwrap().text, "xy");
    ask(&other).await;
    assert_eq!(*events.lock().unwrap(), ["+slow", "-slow", "+other"]);
}

struct SlowLoader {
    model: ScriptedModel,
    loads: Arc<AtomicUsize>,
}

#[async_trait]
impl LoadModel for SlowLoader {
    async fn load(&self) -> Result<Arc<dyn Model>, ModelError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(Arc::new(self.model.clone()))
    }
}

#[tokio::test]
async fn a_load_outlives_whoever_asked_for_it() {
    let (pool, events) = pool(10);
    let scripted = ScriptedModel::new().named("a").otherwise("a");
    let descriptor = scripted.descriptor().clone();
    let loads = Arc::new(AtomicUsize::new(0));
    let loader = SlowLoader {
        model: scripted,
        loads: Arc::clone(&loads),
    };
    let model = PooledModel::new(Arc::clone(&pool), descriptor, 10, false, loader);
    let hasty = tokio::time::timeout(Duration::from_millis(5), ask(&model));
    assert!(hasty.await.is_err(), "it takes longer than that");
    ask(&model).await;
    assert_eq!(*events.lock().unwrap(), ["+a"]);
    assert_eq!(
        loads.load(Ordering::Relaxed),
        1,
        "what was begun was not begun anew"
    );
}

#[tokio::test]
async fn nothing_is_unloaded_in_vain() {
    let (pool, events) = pool(10);
    let busy = ScriptedModel::new().named("busy").then(Answer::Hang);
    let busy = of(&pool, busy, 6, false);
    let [idle, large] = [("idle", 3), ("large", 5)].map(|(name, bytes)| model(&pool, name, bytes, false));
    let _stream = busy.generate(request()).await.unwrap();
    ask(&idle).await;
    let waiting = tokio::time::timeout(Duration::from_millis(100), ask(&large));
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        ask(&idle).await;
    };
    let (waited, ()) = tokio::join!(waiting, meanwhile);
    assert!(waited.is_err(), "the busy one leaves no room for it");
    assert_eq!(*events.lock().unwrap(), ["+busy", "+idle"]);
}

#[tokio::test]
async fn a_model_that_several_ask_for_is_loaded_once() {
    let (pool, events) = pool(10);
    let model = model(&pool, "a", 10, false);
    tokio::join!(ask(&model), ask(&model), ask(&model));
    assert_eq!(*events.lock().unwrap(), ["+a"]);
}
