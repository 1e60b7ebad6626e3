//! Several models behind one name: the load is shared, and where one fails another answers, as long as nobody has seen
//! a word of the first.

mod breaker;
mod budget;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tenon_domain::{FailureCategory, ModelReference};
use tokio::sync::mpsc;
use tokio::time::Instant;

pub use breaker::BreakerPolicy;
use breaker::{Breaker, Verdict};
use budget::RetryBudget;

use crate::port::{
    Answering, CacheRole, GenerateRequest, Model, ModelDescriptor, ModelError, SampleEvent, SampleStream,
    generate_fitting,
};
use crate::watch::{Watch, give_up};

/// One model of a route.
#[derive(Clone)]
pub struct RouteTarget {
    /// The model.
    pub model: Arc<dyn Model>,
    /// Its share of the load among the targets of its tier. At least 1.
    pub weight: u32,
    /// Targets of a higher tier are asked when none of a lower one answers.
    pub tier: u32,
}

/// How a route behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoutePolicy {
    /// Another target is asked when the first text has not come in this time.
    pub first_text: Duration,
    /// Targets that are asked for one request, at most.
    pub attempts: u32,
    /// An upstream that asks for no more patience than this is waited for, when no other is left.
    pub patience: Duration,
    /// When a target is left alone.
    pub breaker: BreakerPolicy,
}

impl Default for RoutePolicy {
    fn default() -> Self {
        Self {
            first_text: Duration::from_secs(60),
            attempts: 3,
            patience: Duration::from_secs(5),
            breaker: BreakerPolicy::default(),
        }
    }
}

const MOST_PATIENCE_SECONDS: u64 = 3600;

/// Several models that are asked as one.
pub struct Route {
    descriptor: ModelDescriptor,
    targets: Vec<Arc<Target>>,
    policy: RoutePolicy,
    retries: RetryBudget,
    watch: Arc<OnceLock<Arc<dyn Watch>>>,
}

struct Target {
    route: String,
    model: Arc<dyn Model>,
    weight: i64,
    tier: u32,
    state: Mutex<TargetState>,
    watch: Arc<OnceLock<Arc<dyn Watch>>>,
}

struct TargetState {
    breaker: Breaker,
    /// What the target is ahead of its share.
    credit: i64,
}

/// A route needs at least one target.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the route `{0}` has no target")]
pub struct EmptyRoute(String);

impl Route {
    /// A route called `name`. It can do what all of its targets can.
    ///
    /// # Errors
    /// When there is no target.
    pub fn new(name: &str, targets: Vec<RouteTarget>, policy: RoutePolicy) -> Result<Self, EmptyRoute> {
        let descriptors = || targets.iter().map(|target| target.model.descriptor());
        let context_length = descriptors().map(|descriptor| descriptor.context_length).min();
        let context_length = context_length.ok_or_else(|| EmptyRoute(name.to_owned()))?;
        let descriptor = ModelDescriptor {
            reference: ModelReference {
                name: name.to_owned(),
                digest: None,
                price: None,
            },
            context_length,
            fills_in_the_middle: descriptors().all(|descriptor| descriptor.fills_in_the_middle),
            constrains: descriptors().all(|descriptor| descriptor.constrains),
            counts_exactly: false,
            remote: descriptors().any(|descriptor| descriptor.remote),
        };
        let watch = Arc::new(OnceLock::new());
        let targets = targets.into_iter().map(|target| {
            Arc::new(Target {
                route: name.to_owned(),
                model: target.model,
                weight: i64::from(target.weight.max(1)),
                tier: target.tier,
                state: Mutex::new(TargetState {
                    breaker: Breaker::new(policy.breaker),
                    credit: 0,
                }),
                watch: Arc::clone(&watch),
            })
        });
        Ok(Self {
            descriptor,
            targets: targets.collect(),
            policy,
            retries: RetryBudget::default(),
            watch,
        })
    }

    /// The same, telling `watch` what is decided.
    #[must_use]
    pub fn watched_by(self, watch: Arc<dyn Watch>) -> Self {
        for target in &self.targets {
            watch.judged(&target.route, target.name(), target.state().breaker.standing());
        }
        // Whoever watched first stays.
        let _ = self.watch.set(watch);
        self
    }

    /// The next target to ask: of the lowest tier that has one left, by smooth weighted turns.
    fn choose(&self, asked: &[usize], larger_than: u32) -> Option<usize> {
        let now = Instant::now();
        let is_able = |(index, target): &(usize, &Arc<Target>)| {
            !asked.contains(index)
                && target.model.descriptor().context_length > larger_than
                && target.state().breaker.closed_until(now).is_none()
        };
        let able: Vec<(usize, &Arc<Target>)> = self.targets.iter().enumerate().filter(is_able).collect();
        let tier = able.iter().map(|(_, target)| target.tier).min()?;
        let able = able.into_iter().filter(|(_, target)| target.tier == tier);
        let mut total = 0;
        let mut best: Option<(usize, &Arc<Target>, i64)> = None;
        for (index, target) in able {
            let mut state = target.state();
            state.credit += target.weight;
            total += target.weight;
            if best.is_none_or(|(_, _, credit)| state.credit > credit) {
                best = Some((index, target, state.credit));
            }
        }
        let (index, target, _) = best?;
        target.state().credit -= total;
        Some(index)
    }

    /// Asks one target and waits for its first text.
    async fn attempt(&self, index: usize, request: GenerateRequest) -> Result<SampleStream, ModelError> {
        let Some(target) = self.targets.get(index) else {
            return Err(self.nobody());
        };
        let attempt = Attempt::begin(Arc::clone(target));
        let mut opening = Box::pin(first_text(target, request));
        let waited = tokio::time::timeout(self.policy.first_text, &mut opening).await;
        let opened = match waited {
            Ok(opened) => opened,
            Err(_) => {
                give_up(opening, FailureCategory::TimeoutTtft);
                Err(ModelError::Timeout {
                    phase: "first token".to_owned(),
                    seconds: self.policy.first_text.as_secs(),
                })
            }
        };
        match opened {
            Ok((held, stream)) => {
                target.judge(Breaker::answers);
                Ok(forwarded(attempt, held, stream))
            }
            Err(error) => {
                attempt.end(verdict(&error));
                Err(error)
            }
        }
    }

    /// How long to wait for a target that asks for a moment.
    fn worth_waiting(&self, error: &ModelError) -> Option<Duration> {
        let ModelError::RateLimited { retry_after_seconds } = error else {
            return None;
        };
        let wait = Duration::from_secs(retry_after_seconds.unwrap_or(1));
        (wait <= self.policy.patience).then_some(wait)
    }

    /// Says who is asked after whom.
    fn tell(&self, before: Option<usize>, next: usize) {
        let target = |index: usize| self.targets.get(index).map(|target| target.name());
        let (Some(watch), Some(to)) = (self.watch.get(), target(next)) else {
            return;
        };
        match before.and_then(target) {
            Some(from) if from != to => watch.fell_back(from, to),
            Some(_) => watch.retried(to),
            None => {}
        }
    }

    fn nobody(&self) -> ModelError {
        let now = Instant::now();
        let next = self
            .targets
            .iter()
            .filter_map(|target| target.state().breaker.closed_until(now))
            .min();
        let wait = next.map_or(1, |next| next.saturating_duration_since(now).as_secs() + 1);
        let have_asked = |target: &Arc<Target>| target.state().breaker.was_asked();
        if self.targets.iter().all(have_asked) {
            return ModelError::RateLimited {
                retry_after_seconds: Some(wait),
            };
        }
        let names: Vec<String> = self
            .targets
            .iter()
            .map(|target| format!("`{}`", target.model.descriptor().reference.name))
            .collect();
        ModelError::Unavailable {
            model: self.descriptor.reference.name.clone(),
            reason: format!(
                "{} failed too often of late; the next is asked again in {wait} s",
                names.join(", ")
            ),
        }
    }
}

impl Target {
    fn name(&self) -> &str {
        &self.model.descriptor().reference.name
    }

    /// Changes what is thought of the target, and says so.
    fn judge(&self, change: impl FnOnce(&mut Breaker)) {
        let mut state = self.state();
        let before = state.breaker.standing();
        change(&mut state.breaker);
        let after = state.breaker.standing();
        if before != after
            && let Some(watch) = self.watch.get()
        {
            // Two changes must not be told in the wrong order: the lock is held.
            watch.judged(&self.route, self.name(), after);
        }
    }

    fn state(&self) -> MutexGuard<'_, TargetState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request to one target, until it is known how it ended.
struct Attempt {
    target: Arc<Target>,
    verdict: Verdict,
}

impl Attempt {
    fn begin(target: Arc<Target>) -> Self {
        target.judge(Breaker::begin);
        Self {
            target,
            verdict: Verdict::Unknown,
        }
    }

    fn end(mut self, verdict: Verdict) {
        self.verdict = verdict;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let verdict = self.verdict;
        self.target.judge(|breaker| breaker.end(verdict, Instant::now()));
    }
}

fn verdict(error: &ModelError) -> Verdict {
    match error {
        ModelError::Refused { .. } | ModelError::TooLong { .. } | ModelError::Overlong { .. } => {
            Verdict::Answered
        }
        ModelError::RateLimited { retry_after_seconds } => {
            // An upstream may say anything; an hour is long enough to be asked again.
            let seconds = retry_after_seconds.unwrap_or(1).min(MOST_PATIENCE_SECONDS);
            Verdict::Limited(Duration::from_secs(seconds))
        }
        ModelError::Unavailable { .. }
        | ModelError::Broken { .. }
        | ModelError::Timeout { .. }
        | ModelError::Unauthorised { .. } => Verdict::Failed,
    }
}

type Event = Result<SampleEvent, ModelError>;

async fn first_text(
    target: &Target,
    request: GenerateRequest,
) -> Result<(VecDeque<SampleEvent>, SampleStream), ModelError> {
    let mut stream = generate_fitting(target.model.as_ref(), request).await?;
    let mut held = VecDeque::new();
    while let Some(event) = stream.next().await {
        let event = event?;
        let is_text = !matches!(event, SampleEvent::PromptRead { .. });
        held.push_back(event);
        if is_text {
            return Ok((held, stream));
        }
    }
    Err(ModelError::Broken {
        reason: "the stream ended before it began".to_owned(),
    })
}

/// The rest of an answer, watched so that a stream that dies is held against its target.
fn forwarded(attempt: Attempt, held: VecDeque<SampleEvent>, mut stream: SampleStream) -> SampleStream {
    let (sender, receiver) = mpsc::channel::<Event>(16);
    // It ends with the stream, or when nobody listens any more.
    tokio::spawn(async move {
        for event in held {
            if sender.send(Ok(event)).await.is_err() {
                return;
            }
        }
        loop {
            let event = tokio::select! {
                event = stream.next() => event,
                () = sender.closed() => return,
            };
            let Some(event) = event else {
                attempt.end(Verdict::Answered);
                return;
            };
            if let Err(error) = &event {
                attempt.end(verdict(error));
                let _ = sender.send(event).await;
                return;
            }
            if sender.send(event).await.is_err() {
                return;
            }
        }
    });
    SampleStream::new(receiver)
}

#[async_trait]
impl Model for Route {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn count_tokens(&self, texts: &[String]) -> Result<Vec<u32>, ModelError> {
        let now = Instant::now();
        for target in &self.targets {
            if target.state().breaker.closed_until(now).is_some() {
                continue;
            }
            let counting = tokio::time::timeout(self.policy.first_text, target.model.count_tokens(texts));
            if let Ok(Ok(counts)) = counting.await {
                return Ok(counts);
            }
        }
        // Nobody can be asked: as upstreams are counted that cannot count.
        let estimate = |text: &String| u32::try_from(text.len().div_ceil(3)).unwrap_or(u32::MAX);
        Ok(texts.iter().map(estimate).collect())
    }

    async fn generate(&self, request: GenerateRequest) -> Result<SampleStream, ModelError> {
        self.retries.earn();
        let mut asked = Vec::new();
        let mut larger_than = 0;
        let mut last: Option<ModelError> = None;
        for attempt in 0..self.policy.attempts.max(1) {
            let next = match self.choose(&asked, larger_than) {
                Some(next) => next,
                None => {
                    let error = last.take().unwrap_or_else(|| self.nobody());
                    let Some(wait) = self.worth_waiting(&error) else {
                        return Err(error);
                    };
                    tokio::time::sleep(wait).await;
                    last = Some(error);
                    match self.choose(&[], larger_than) {
                        Some(next) => next,
                        None => break,
                    }
                }
            };
            // A prompt that did not fit cost nothing.
            let is_free = matches!(
                last,
                None | Some(ModelError::TooLong { .. } | ModelError::Overlong { .. })
            );
            if !is_free && !self.retries.spend() {
                break;
            }
            self.tell(asked.last().copied(), next);
            asked.push(next);
            match self.attempt(next, request.clone()).await {
                Ok(stream) => {
                    let model = self
                        .targets
                        .get(next)
                        .map(|target| &target.model.descriptor().reference);
                    return Ok(stream.answered_by(Answering {
                        model: model.cloned(),
                        fallbacks: attempt,
                        cache: CacheRole::None,
                    }));
                }
                Err(error) => {
                    match &error {
                        // What is wrong with the request is wrong everywhere.
                        ModelError::Refused { .. } => return Err(error),
                        ModelError::TooLong { context_length, .. }
                        | ModelError::Overlong { context_length, .. } => larger_than = *context_length,
                        _ => {}
                    }
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or_else(|| self.nobody()))
    }
}
