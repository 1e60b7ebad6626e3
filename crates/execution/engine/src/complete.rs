//! As-you-type completion: the short path through the house.
//!
//! ```text
//! CompletionRequest ─▶ remembered? ─▶ under way? ─▶ window, fragments ─▶ fill in the middle ─▶ trim ─▶ judge ─▶ Completion
//!                       typed along    joined        what is read         with a deadline      text    checks    or why not
//! ```
//!
//! Nothing is shown that makes the buffer worse, and when nothing is shown the reason is.

mod anchor;
mod brackets;
mod completion;
mod judge;
mod memory;
mod place;
mod question;
mod surroundings;
mod trim;
mod underway;
mod unnamed;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tenon_check::Project;
use tenon_context::Index;
use tenon_domain::{ModelReference, RepoPath};
use tenon_runtime::{CacheScope, GenerateRequest, Model, ModelError, PromptInput, Sampling};
use tenon_syntax::Language;
use tokio::sync::watch;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

pub use completion::{
    AnsweredBy, Buffer, Completion, CompletionRequest, CompletionTrace, Dropped, Extent, Fragment, Silence,
};
use memory::Memory;
use place::{Place, Window};
use question::{DRAWS, Ended, Question, Written, next_indentation, request};
use underway::{Outcome, Progress, Underway, agrees, deserted};
pub use unnamed::likely_path;

/// Suggests what comes next at a cursor. One value serves many requests of many people at once.
pub struct Completer {
    model: Arc<dyn Model>,
    project: Mutex<Arc<Project>>,
    index: Mutex<Option<Arc<Index>>>,
    memory: Mutex<Memory>,
    /// What was put before the windows of late: as long as a window stands still, so does all before it.
    fragments: Mutex<VecDeque<(WindowKey, Vec<Fragment>)>>,
    underway: Mutex<Underway>,
}

type WindowKey = (CacheScope, RepoPath, usize);

/// Below this mean log-probability a token, the model was guessing: one in five and less.
const LEAST_CONFIDENCE: f32 = -1.6;
/// Windows whose fragments are kept.
const MOST_WINDOWS: usize = 16;
/// What is prepared ahead may take this long.
const AHEAD: Duration = Duration::from_secs(5);
/// What nobody waits for any more goes on for so long: editors cancel at every key, and the next request mostly wants
/// what the key did not contradict.
const PATIENCE: Duration = Duration::from_millis(400);
/// Draws that are tried when the likeliest does not hold.
const SECOND_TRIES: u32 = 3;

impl Completer {
    /// Suggestions by `model` for the files below `root`.
    pub fn new(model: Arc<dyn Model>, root: &Path) -> Self {
        Self {
            model,
            project: Mutex::new(Arc::new(Project::discover(root))),
            index: Mutex::default(),
            memory: Mutex::default(),
            fragments: Mutex::default(),
            underway: Mutex::default(),
        }
    }

    /// Who is asked.
    pub fn model(&self) -> &ModelReference {
        &self.model.descriptor().reference
    }

    /// From now on signatures come from `index`.
    pub fn use_index(&self, index: Arc<Index>) {
        *lock(&self.index) = Some(index);
        lock(&self.fragments).clear();
    }

    /// Reads again which files and packages there are: what was just written may be imported.
    pub fn read_again(&self) {
        let root = lock(&self.project).root().to_owned();
        let project = Arc::new(Project::discover(&root));
        *lock(&self.project) = project;
    }

    /// Loads the model and tries whether it fills in the middle.
    ///
    /// # Errors
    /// When it cannot be asked, or does not know how to fill: its file names no markers for that, or they have no effect.
    pub async fn warm_up(&self) -> Result<(), ModelError> {
        let name = &self.model.descriptor().reference.name;
        let refused = |reason: String| ModelError::Refused { reason };
        if !self.model.descriptor().fills_in_the_middle {
            return Err(refused(format!(
                "`{name}` cannot fill in the middle; use a code model that can, such as qwen2.5-coder-0.5b"
            )));
        }
        let request = GenerateRequest {
            prompt: PromptInput::Fill {
                prefix: "def add(first, second):\n    return ".to_owned(),
                suffix: "\n\n\nprint(add(1, 2))\n".to_owned(),
            },
            max_tokens: 8,
            ..request(CacheScope::local())
        };
        let (samples, _) = self.model.generate(request).await?.collect(1).await?;
        match samples.iter().any(|sample| !sample.text.trim().is_empty()) {
            true => Ok(()),
            false => Err(refused(format!(
                "`{name}` wrote nothing when it was asked to fill in the middle; use another model for completion"
            ))),
        }
    }

    /// What can be inserted at the cursor, or why nothing is shown. When the future is dropped, the model's work goes on
    /// for a moment, for a request that continues this one; any other ends it at once.
    pub async fn complete(self: &Arc<Self>, request: &CompletionRequest) -> Completion {
        let begun = Instant::now();
        let mut trace = CompletionTrace::default();
        let found = self.search(request, begun, &mut trace).await;
        let (suggestions, silence) = match found {
            Ok(suggestions) => (suggestions, None),
            Err(silence) => (Vec::new(), Some(silence)),
        };
        Completion {
            id: format!("cmpl-{}", Uuid::now_v7()),
            suggestions,
            silence,
            trace,
        }
    }

    /// Works on what comes after `suggestion`, so that it is there when the person has taken it and gone to the next
    /// line. Given up as soon as anybody asks for something else.
    pub fn prepare_after(self: &Arc<Self>, request: &CompletionRequest, suggestion: &str) {
        let Some((before, after)) = request.text.split_at_checked(request.cursor) else {
            return;
        };
        let language = Language::of_path(&request.path);
        let taken = format!("{before}{suggestion}");
        let Some(place) = Place::new(&taken, taken.len(), language) else {
            return;
        };
        let before = format!("{taken}{}{}", place.line_end(), next_indentation(&place));
        let next = CompletionRequest {
            cursor: before.len(),
            text: format!("{before}{after}"),
            deadline: AHEAD,
            alternatives: 1,
            ..request.clone()
        };
        self.prepare(next);
    }

    /// Works on `request` before anybody asks, so that the answer is there when somebody does.
    pub fn prepare(self: &Arc<Self>, request: CompletionRequest) {
        lock(&self.underway).stop_unwanted(&request);
        // Whoever caused it does not wait for it.
        self.begin(request, Instant::now(), AHEAD, Span::none());
    }

    async fn search(
        self: &Arc<Self>,
        request: &CompletionRequest,
        begun: Instant,
        trace: &mut CompletionTrace,
    ) -> Result<Vec<String>, Silence> {
        let language = Language::of_path(&request.path);
        let place = Place::new(&request.text, request.cursor, language).ok_or(Silence::BadCursor)?;
        if place.is_inside_word() {
            return Err(Silence::InsideWord);
        }
        if let Some(suggestions) = self.recalled(request, &place, trace) {
            return Ok(suggestions);
        }
        if let Some(joined) = self.joined(request, &place, begun + request.deadline).await? {
            *trace = joined;
            trace.model_ms = milliseconds(begun);
            if let Some(suggestions) = self.recalled(request, &place, trace) {
                trace.answered_by = AnsweredBy::Underway;
                return Ok(suggestions);
            }
        }
        lock(&self.underway).stop_unwanted(request);
        let mut waiting = self.begin(request.clone(), begun, PATIENCE, Span::current());
        let ended = waiting.wait_for(|progress| progress.outcome.is_some()).await;
        let outcome = ended.ok().and_then(|progress| progress.outcome.clone());
        let outcome = outcome.ok_or_else(|| Silence::NoModel {
            said: "the completion was given up".to_owned(),
        })?;
        *trace = outcome.trace;
        outcome.found
    }

    /// What is left of suggestions that are typed along, if it still holds.
    fn recalled(
        &self,
        request: &CompletionRequest,
        place: &Place<'_>,
        trace: &mut CompletionTrace,
    ) -> Option<Vec<String>> {
        let remembered = lock(&self.memory).recall(&request.scope, &request.path, place);
        let checking = Instant::now();
        let mut suggestions: Vec<String> = Vec::new();
        for left in remembered {
            // Brackets that the editor closed meanwhile are not closed again.
            let Ok(text) = trim::trim(&left.text, place, Extent::Block) else {
                continue;
            };
            let holds = left.is_checked || self.judge(request, place, &text).is_ok();
            if holds && !suggestions.contains(&text) {
                suggestions.push(text);
            }
        }
        if suggestions.is_empty() {
            return None;
        }
        trace.answered_by = AnsweredBy::Memory;
        trace.checking_ms += milliseconds(checking);
        Some(suggestions)
    }

    /// Waits for what is being written for an earlier key, as long as it does not contradict what was typed since.
    /// `None` when there is nothing to wait for, or not any more.
    async fn joined(
        &self,
        request: &CompletionRequest,
        place: &Place<'_>,
        deadline: Instant,
    ) -> Result<Option<CompletionTrace>, Silence> {
        let Some((typed, mut waiting)) = lock(&self.underway).find(request, place) else {
            return Ok(None);
        };
        let ended = waiting.wait_for(|progress| progress.outcome.is_some() || !agrees(&progress.text, typed));
        match tokio::time::timeout_at(deadline.into(), ended).await {
            Err(_) => Err(Silence::Deadline),
            Ok(ended) => {
                let trace = ended
                    .ok()
                    .and_then(|progress| Some(progress.outcome.as_ref()?.trace.clone()));
                Ok(trace)
            }
        }
    }

    /// Begins to work on `request`. What is found is remembered, and the work given up when nobody has waited for it
    /// for `patience`.
    fn begin(
        self: &Arc<Self>,
        request: CompletionRequest,
        begun: Instant,
        patience: Duration,
        span: Span,
    ) -> watch::Receiver<Progress> {
        let (progress, waiting) = watch::channel(Progress::default());
        let progress = Arc::new(progress);
        let known = Arc::downgrade(&progress);
        let completer = Arc::clone(self);
        let asked = Arc::new(request);
        let request = Arc::clone(&asked);
        let working = async move {
            tokio::select! {
                outcome = completer.carry_out(&request, begun, &progress) => {
                    progress.send_modify(|progress| progress.outcome = Some(outcome));
                }
                () = deserted(&progress, patience) => {}
            }
        };
        let task = tokio::spawn(working.instrument(span));
        let language = Language::of_path(&asked.path);
        if let Some(place) = Place::new(&asked.text, asked.cursor, language) {
            lock(&self.underway).add(&asked, &place, known, task.abort_handle());
        }
        waiting
    }

    async fn carry_out(
        &self,
        request: &CompletionRequest,
        begun: Instant,
        progress: &watch::Sender<Progress>,
    ) -> Outcome {
        let mut trace = CompletionTrace::default();
        let language = Language::of_path(&request.path);
        let found = match Place::new(&request.text, request.cursor, language) {
            Some(place) => self.ask(request, &place, begun, &mut trace, progress).await,
            None => Err(Silence::BadCursor),
        };
        Outcome { found, trace }
    }

    async fn ask(
        &self,
        request: &CompletionRequest,
        place: &Place<'_>,
        begun: Instant,
        trace: &mut CompletionTrace,
        progress: &watch::Sender<Progress>,
    ) -> Result<Vec<String>, Silence> {
        trace.extent = match request.extent {
            Extent::Natural => trim::natural_extent(place),
            chosen => chosen,
        };
        let window = place.window();
        trace.fragments = self.fragments(request, place.language, &window);
        let constrains = self.model.descriptor().constrains;
        let question = Question::new(request, place, &window, trace, constrains);
        trace.preparing_ms = milliseconds(begun);
        let asked = Instant::now();
        trace.answered_by = AnsweredBy::Model;
        let deadline = begun + request.deadline;
        let written = self
            .written(&question, request.alternatives, place, deadline, trace, progress)
            .await;
        trace.model_ms = milliseconds(asked);
        let written = written.map_err(|error| Silence::NoModel {
            said: error.to_string(),
        })?;
        let mut suggestions = self.held(written, request, place, trace);
        if suggestions.is_empty() && trace.dropped.iter().all(|dropped| dropped.reason.may_be_mended()) {
            // The likeliest does not hold; of a few others one may.
            let asked = Instant::now();
            let others = question
                .written(self.model.as_ref(), DRAWS, SECOND_TRIES, place, deadline, &|_| {})
                .await;
            trace.model_ms += milliseconds(asked);
            let others = others.map(|(others, _)| others).unwrap_or_default();
            trace.completion_tokens = sum(trace.completion_tokens, &others);
            suggestions = self.held(others, request, place, trace);
            suggestions.truncate(request.alternatives as usize);
        }
        if suggestions.is_empty() {
            let first = trace.dropped.first().map(|dropped| dropped.reason.clone());
            return Err(first.unwrap_or(Silence::Deadline));
        }
        lock(&self.memory).remember(&request.scope, &request.path, place, suggestions.clone());
        Ok(suggestions)
    }

    fn fragments(
        &self,
        request: &CompletionRequest,
        language: Option<Language>,
        window: &Window,
    ) -> Vec<Fragment> {
        let Some(language) = language else {
            return Vec::new();
        };
        if request.is_excerpt {
            // What a client chose to send with it is new each time.
            return surroundings::fragments(request, language, window, None);
        }
        let key: WindowKey = (request.scope.clone(), request.path.clone(), window.first_line);
        let mut kept = lock(&self.fragments);
        if let Some((_, fragments)) = kept.iter().find(|(other, _)| *other == key) {
            return fragments.clone();
        }
        let index = lock(&self.index).clone();
        let fragments = surroundings::fragments(request, language, window, index.as_deref());
        if kept.len() == MOST_WINDOWS {
            kept.pop_front();
        }
        kept.push_back((key, fragments.clone()));
        fragments
    }

    /// What the model writes by the deadline: the likeliest first, then draws.
    async fn written(
        &self,
        question: &Question,
        alternatives: u32,
        place: &Place<'_>,
        deadline: Instant,
        trace: &mut CompletionTrace,
        progress: &watch::Sender<Progress>,
    ) -> Result<Vec<Written>, ModelError> {
        let model = self.model.as_ref();
        let tell = |text: &str| {
            progress.send_modify(|progress| text.clone_into(&mut progress.text));
        };
        let likeliest = question.written(model, Sampling::GREEDY, 1, place, deadline, &tell);
        let others = async {
            match alternatives.saturating_sub(1) {
                0 => Vec::new(),
                others => {
                    let drawn = question
                        .written(model, DRAWS, others, place, deadline, &|_| {})
                        .await;
                    // A draw that fails costs an alternative, no more.
                    drawn.map(|(drawn, _)| drawn).unwrap_or_default()
                }
            }
        };
        let (likeliest, others) = tokio::join!(likeliest, others);
        let (likeliest, read) = likeliest?;
        trace.prompt_tokens = read.prompt_tokens;
        trace.cached_tokens = read.cached_tokens;
        let mut written = Vec::new();
        for line in likeliest {
            written.push(question.with_block(model, line, place, deadline, &tell).await?);
        }
        written.extend(others);
        trace.completion_tokens = sum(Some(0), &written);
        Ok(written)
    }

    /// What can be shown, in order; what cannot be is noted with its reason.
    fn held(
        &self,
        written: Vec<Written>,
        request: &CompletionRequest,
        place: &Place<'_>,
        trace: &mut CompletionTrace,
    ) -> Vec<String> {
        let checking = Instant::now();
        let mut suggestions: Vec<String> = Vec::new();
        for written in written {
            match self.checked(&written, request, place) {
                Ok(text) if suggestions.contains(&text) => {}
                Ok(text) => {
                    if suggestions.is_empty() {
                        trace.mean_logprob = written.mean_logprob;
                    }
                    suggestions.push(text);
                }
                Err(_) if trace.dropped.iter().any(|dropped| dropped.text == written.text) => {}
                Err(reason) => trace.dropped.push(Dropped {
                    text: written.text,
                    reason,
                }),
            }
        }
        trace.checking_ms += milliseconds(checking);
        suggestions
    }

    fn checked(
        &self,
        written: &Written,
        request: &CompletionRequest,
        place: &Place<'_>,
    ) -> Result<String, Silence> {
        let unsure = written.mean_logprob.is_some_and(|mean| mean < LEAST_CONFIDENCE);
        if unsure {
            return Err(Silence::LowConfidence);
        }
        let whole = match (written.ended, written.extent) {
            // The last line of what was cut is a torso.
            (Ended::Cut | Ended::Late, Extent::Block) => {
                let end = written.text.rfind('\n').ok_or(Silence::Deadline)?;
                written.text.get(..end).unwrap_or_default()
            }
            // What nobody can check must be whole at least.
            (Ended::Late, Extent::Line) if place.language.is_none() => return Err(Silence::Deadline),
            // What there is of a line may do.
            _ => written.text.as_str(),
        };
        let held = trim::trim(whole, place, written.extent).and_then(|text| {
            self.judge(request, place, &text)?;
            Ok(text)
        });
        match written.ended {
            Ended::Late => held.map_err(|_| Silence::Deadline),
            Ended::Whole | Ended::Cut => held,
        }
    }

    fn judge(&self, request: &CompletionRequest, place: &Place<'_>, text: &str) -> Result<(), Silence> {
        let project = Arc::clone(&lock(&self.project));
        judge::judge(&project, request, place, text)
    }
}

/// Tokens so far and those of `written`; `None` when some are not known.
fn sum(so_far: Option<u32>, written: &[Written]) -> Option<u32> {
    let written: Option<u32> = written.iter().map(|written| written.tokens).sum();
    Some(so_far?.saturating_add(written?))
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
