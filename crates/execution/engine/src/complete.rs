//! As-you-type completion: the short path through the house.
//!
//! ```text
//! CompletionRequest ─▶ remembered? ─▶ window, fragments ─▶ fill in the middle ─▶ trim ─▶ judge ─▶ Completion
//!                       typed along     what is read         with a deadline      text    checks    or why not
//! ```
//!
//! Nothing is shown that makes the buffer worse, and when nothing is shown the reason is.

mod brackets;
mod judge;
mod memory;
mod place;
mod surroundings;
mod trim;

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tenon_check::Project;
use tenon_context::Index;
use tenon_domain::RepoPath;
use tenon_runtime::{
    CacheScope, Constraint, FinishReason, GenerateRequest, Model, ModelError, PromptInput, SampleEvent,
    Sampling,
};
use tenon_syntax::Language;
use tokio::task::AbortHandle;
use uuid::Uuid;

use memory::Memory;
use place::{Place, Window};

/// Suggests what comes next at a cursor. One value serves many requests of many people at once.
pub struct Completer {
    model: Arc<dyn Model>,
    project: Project,
    index: Mutex<Option<Arc<Index>>>,
    memory: Mutex<Memory>,
    /// What was put before the windows of late: as long as a window stands still, so does all before it.
    fragments: Mutex<VecDeque<(WindowKey, Vec<Fragment>)>>,
    /// What is prepared before anybody asked.
    ahead: Mutex<Option<AbortHandle>>,
}

type WindowKey = (CacheScope, RepoPath, usize);

/// A cursor in a buffer, and what else is open.
#[derive(Debug, Clone)]
pub struct CompletionRequest {
    /// The buffer's file, relative to the repository; its extension tells the language.
    pub path: RepoPath,
    /// The whole buffer.
    pub text: String,
    /// Where the cursor is, in bytes of `text`.
    pub cursor: usize,
    /// How much is wanted.
    pub extent: Extent,
    /// Different suggestions, at most.
    pub alternatives: u32,
    /// When the answer must be there. What is written by then is used, if it holds.
    pub deadline: Duration,
    /// Other buffers that are open, the latest looked at first.
    pub open_buffers: Vec<Buffer>,
    /// What was written elsewhere just now, the latest first.
    pub recent_edits: Vec<Buffer>,
    /// Whose request it is: nothing that is remembered crosses over.
    pub scope: CacheScope,
}

impl CompletionRequest {
    /// What of the buffer the model is shown, before and behind the cursor; `None` when the cursor is no place in it.
    pub fn window(&self) -> Option<(String, String)> {
        let window = Place::new(&self.text, self.cursor, Language::of_path(&self.path))?.window();
        Some((window.prefix, window.suffix))
    }
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buffer {
    /// The file, relative to the repository.
    pub path: RepoPath,
    /// The text.
    pub text: String,
}

/// How much is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// A block where one begins, else the rest of the line.
    #[default]
    Natural,
    /// The rest of the line.
    Line,
    /// The rest of the block.
    Block,
}

/// The answer: suggestions, or why there are none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Completion {
    /// Names this answer in logs and feedback.
    pub id: String,
    /// What can be inserted at the cursor, best first.
    pub suggestions: Vec<String>,
    /// Why nothing is shown; `None` when something is.
    pub silence: Option<Silence>,
    /// How the answer came about.
    pub trace: CompletionTrace,
}

/// How an answer came about.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CompletionTrace {
    /// Who answered.
    pub answered_by: AnsweredBy,
    /// How much was asked for.
    pub extent: Extent,
    /// What stood before the code, in order.
    pub fragments: Vec<Fragment>,
    /// What the model wrote that is not shown, and why.
    pub dropped: Vec<Dropped>,
    /// Tokens of the prompt; `None` when not reported.
    pub prompt_tokens: Option<u32>,
    /// How many of them the model had read before; `None` when not reported.
    pub cached_tokens: Option<u32>,
    /// Tokens written; `None` when not reported.
    pub completion_tokens: Option<u32>,
    /// Mean natural log-probability of the first suggestion's tokens; `None` when it was cut short.
    pub mean_logprob: Option<f32>,
    /// Milliseconds until the model was asked.
    pub preparing_ms: f64,
    /// Milliseconds that the model took.
    pub model_ms: f64,
    /// Milliseconds of trimming and checking.
    pub checking_ms: f64,
}

/// Who answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// Nobody.
    #[default]
    Nobody,
    /// The model.
    Model,
    /// A suggestion that is being typed, or that was prepared ahead.
    Memory,
}

/// A piece of the surroundings, put before the code as a comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fragment {
    /// Where it comes from, for people.
    pub source: String,
    /// The text.
    pub text: String,
}

/// What the model wrote that is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// The text as the model wrote it.
    pub text: String,
    /// Why.
    pub reason: Silence,
}

/// Why nothing is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Silence {
    /// The model has nothing to add.
    Empty,
    /// Nothing whole was written in time.
    Deadline,
    /// With it the file parses worse than without.
    ParseWorse,
    /// It says what stands behind the cursor.
    RepeatsSuffix,
    /// It says what stands above the cursor.
    RepeatsAbove,
    /// The model was guessing.
    LowConfidence,
    /// It uses a name, a module or a member that does not exist.
    UnknownName {
        /// Which.
        said: String,
    },
    /// A rule forbids it: it holds a secret, or the file may not be written.
    Policy {
        /// Which.
        said: String,
    },
    /// The cursor stands inside a word.
    InsideWord,
    /// The cursor is not a place in the buffer.
    BadCursor,
    /// The model cannot be asked.
    NoModel {
        /// Why, with the mend.
        said: String,
    },
}

impl Silence {
    /// The reason as one word, as it stands in logs and on the wire.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Deadline => "deadline",
            Self::ParseWorse => "parse_worse",
            Self::RepeatsSuffix => "repeats_suffix",
            Self::RepeatsAbove => "repeats_above",
            Self::LowConfidence => "low_confidence",
            Self::UnknownName { .. } => "unknown_name",
            Self::Policy { .. } => "policy",
            Self::InsideWord => "inside_word",
            Self::BadCursor => "bad_cursor",
            Self::NoModel { .. } => "no_model",
        }
    }
}

impl Silence {
    /// Whether another draw may hold where this one did not.
    fn may_be_mended(&self) -> bool {
        match self {
            Self::ParseWorse | Self::RepeatsSuffix | Self::RepeatsAbove | Self::UnknownName { .. } => true,
            Self::Empty
            | Self::Deadline
            | Self::LowConfidence
            | Self::Policy { .. }
            | Self::InsideWord
            | Self::BadCursor
            | Self::NoModel { .. } => false,
        }
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("the model has nothing to add"),
            Self::Deadline => formatter.write_str("nothing whole was written in time"),
            Self::ParseWorse => formatter.write_str("the file would parse worse"),
            Self::RepeatsSuffix => formatter.write_str("it repeats what stands behind the cursor"),
            Self::RepeatsAbove => formatter.write_str("it repeats what stands above the cursor"),
            Self::LowConfidence => formatter.write_str("the model was guessing"),
            Self::InsideWord => formatter.write_str("the cursor stands inside a word"),
            Self::BadCursor => formatter.write_str("the cursor is not a place in the file"),
            Self::UnknownName { said } | Self::Policy { said } | Self::NoModel { said } => {
                formatter.write_str(said)
            }
        }
    }
}

/// Below this mean log-probability a token, the model was guessing: one in five and less.
const LEAST_CONFIDENCE: f32 = -1.6;
const LINE_TOKENS: u32 = 32;
const BLOCK_TOKENS: u32 = 96;
/// Windows whose fragments are kept.
const MOST_WINDOWS: usize = 16;
/// What is prepared ahead may take this long.
const AHEAD: Duration = Duration::from_secs(5);

/// Draws that are tried when the likeliest does not hold.
const SECOND_TRIES: u32 = 3;
/// How alternatives are drawn.
const DRAWS: Sampling = Sampling {
    temperature: 0.7,
    top_p: 0.95,
    ..Sampling::GREEDY
};

/// What the model wrote.
struct Written {
    text: String,
    extent: Extent,
    ended: Ended,
    tokens: Option<u32>,
    mean_logprob: Option<f32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// By itself, or by us where the suggestion ends.
    Whole,
    /// By the most tokens.
    Cut,
    /// By the deadline.
    Late,
}

/// What is asked of the model.
struct Question {
    prompt: PromptInput,
    extent: Extent,
    half_typed: String,
    scope: CacheScope,
}

impl Completer {
    /// Suggestions by `model` for the files below `root`.
    pub fn new(model: Arc<dyn Model>, root: &Path) -> Self {
        Self {
            model,
            project: Project::discover(root),
            index: Mutex::default(),
            memory: Mutex::default(),
            fragments: Mutex::default(),
            ahead: Mutex::default(),
        }
    }

    /// From now on signatures come from `index`.
    pub fn use_index(&self, index: Arc<Index>) {
        *lock(&self.index) = Some(index);
        lock(&self.fragments).clear();
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

    /// What can be inserted at the cursor, or why nothing is shown. Dropping the future cancels the model's work.
    pub async fn complete(&self, request: &CompletionRequest) -> Completion {
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
        let completer = Arc::clone(self);
        let task = tokio::spawn(async move {
            let mut trace = CompletionTrace::default();
            let _ = completer.ask(&next, Instant::now(), &mut trace).await;
        });
        self.stop_preparing(Some(task.abort_handle()));
    }

    fn stop_preparing(&self, next: Option<AbortHandle>) {
        let before = std::mem::replace(&mut *lock(&self.ahead), next);
        if let Some(task) = before {
            task.abort();
        }
    }

    async fn search(
        &self,
        request: &CompletionRequest,
        begun: Instant,
        trace: &mut CompletionTrace,
    ) -> Result<Vec<String>, Silence> {
        let language = Language::of_path(&request.path);
        let place = Place::new(&request.text, request.cursor, language).ok_or(Silence::BadCursor)?;
        if place.is_inside_word() {
            return Err(Silence::InsideWord);
        }
        let remembered = lock(&self.memory).recall(&request.scope, &request.path, &place);
        let checking = Instant::now();
        let mut suggestions: Vec<String> = Vec::new();
        for text in remembered {
            // Brackets that the editor closed meanwhile are not closed again.
            if let Ok(text) = trim::trim(&text, &place, Extent::Block)
                && !suggestions.contains(&text)
            {
                suggestions.push(text);
            }
        }
        if !suggestions.is_empty() {
            trace.answered_by = AnsweredBy::Memory;
            trace.checking_ms = milliseconds(checking);
            return Ok(suggestions);
        }
        self.stop_preparing(None);
        self.ask(request, begun, trace).await
    }

    async fn ask(
        &self,
        request: &CompletionRequest,
        begun: Instant,
        trace: &mut CompletionTrace,
    ) -> Result<Vec<String>, Silence> {
        let language = Language::of_path(&request.path);
        let place = Place::new(&request.text, request.cursor, language).ok_or(Silence::BadCursor)?;
        trace.extent = match request.extent {
            Extent::Natural => trim::natural_extent(&place),
            chosen => chosen,
        };
        let window = place.window();
        trace.fragments = self.fragments(request, language, &window);
        let question = question(
            request,
            &place,
            &window,
            trace,
            self.model.descriptor().constrains,
        );
        trace.preparing_ms = milliseconds(begun);
        let asked = Instant::now();
        trace.answered_by = AnsweredBy::Model;
        let deadline = begun + request.deadline;
        let written = self
            .written(&question, request.alternatives, &place, deadline, trace)
            .await;
        trace.model_ms = milliseconds(asked);
        let written = written.map_err(|error| Silence::NoModel {
            said: error.to_string(),
        })?;
        let checking = Instant::now();
        let mut suggestions = self.held(written, request, &place, trace);
        trace.checking_ms = milliseconds(checking);
        if suggestions.is_empty() && trace.dropped.iter().all(|dropped| dropped.reason.may_be_mended()) {
            // The likeliest does not hold; of a few others one may.
            let asked = Instant::now();
            let others = self
                .sampled(&question, DRAWS, SECOND_TRIES, &place, deadline)
                .await;
            let others = others.map(|(others, _)| others).unwrap_or_default();
            trace.model_ms += milliseconds(asked);
            suggestions = self.held(others, request, &place, trace);
            suggestions.truncate(request.alternatives as usize);
        }
        if suggestions.is_empty() {
            let first = trace.dropped.first().map(|dropped| dropped.reason.clone());
            return Err(first.unwrap_or(Silence::Deadline));
        }
        lock(&self.memory).remember(&request.scope, &request.path, &place, suggestions.clone());
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
    ) -> Result<Vec<Written>, ModelError> {
        let likeliest = self.sampled(question, Sampling::GREEDY, 1, place, deadline);
        let others = async {
            match alternatives.saturating_sub(1) {
                0 => Ok((Vec::new(), None)),
                others => self.sampled(question, DRAWS, others, place, deadline).await,
            }
        };
        let (likeliest, others) = tokio::join!(likeliest, others);
        let (likeliest, read) = likeliest?;
        let mut written = Vec::new();
        for likeliest in likeliest {
            written.push(self.with_block(likeliest, question, place, deadline).await?);
        }
        if let Some((prompt, cached)) = read {
            trace.prompt_tokens = prompt;
            trace.cached_tokens = cached;
        }
        // A draw that fails costs an alternative, no more.
        written.extend(others.map(|(others, _)| others).unwrap_or_default());
        trace.completion_tokens = written.iter().map(|written| written.tokens).sum();
        Ok(written)
    }

    /// A line that opens a block is nothing without it.
    async fn with_block(
        &self,
        line: Written,
        question: &Question,
        place: &Place<'_>,
        deadline: Instant,
    ) -> Result<Written, ModelError> {
        let PromptInput::Fill { prefix, suffix } = &question.prompt else {
            return Ok(line);
        };
        let before = format!("{}{}", place.before, line.text);
        let opened = Place::new(&before, before.len(), place.language);
        let Some(opened) = opened.filter(|opened| {
            let whole = line.extent == Extent::Line && line.ended == Ended::Whole;
            let lacks_body = trim::opens_block(opened.line_before()) && !has_body(opened, place);
            whole && place.language.is_some() && lacks_body
        }) else {
            return Ok(line);
        };
        let between = format!("\n{}", next_indentation(&opened));
        let buffer = format!("{before}{between}{}", place.after);
        let inner = Place::new(&buffer, before.len() + between.len(), place.language);
        let Some(inner) = inner else { return Ok(line) };
        let question = Question {
            prompt: PromptInput::Fill {
                prefix: format!("{prefix}{}{}{between}", question.half_typed, line.text),
                suffix: suffix.clone(),
            },
            extent: Extent::Block,
            half_typed: String::new(),
            scope: question.scope.clone(),
        };
        let (blocks, _) = self
            .sampled(&question, Sampling::GREEDY, 1, &inner, deadline)
            .await?;
        let Some(block) = blocks.into_iter().next() else {
            return Ok(line);
        };
        Ok(Written {
            text: format!("{}{between}{}", line.text, block.text),
            extent: Extent::Block,
            ended: block.ended,
            tokens: line.tokens.zip(block.tokens).map(|(line, block)| line + block),
            mean_logprob: line.mean_logprob,
        })
    }

    async fn sampled(
        &self,
        question: &Question,
        sampling: Sampling,
        samples: u32,
        place: &Place<'_>,
        deadline: Instant,
    ) -> Result<(Vec<Written>, Option<(Option<u32>, Option<u32>)>), ModelError> {
        let line = question.extent != Extent::Block;
        let request = GenerateRequest {
            prompt: question.prompt.clone(),
            sampling,
            samples,
            max_tokens: if line { LINE_TOKENS } else { BLOCK_TOKENS },
            stop: if line { vec!["\n".to_owned()] } else { Vec::new() },
            constraint: begins_with(&question.half_typed),
            ..request(question.scope.clone())
        };
        let mut texts = vec![String::new(); samples as usize];
        let mut written: Vec<Option<Written>> = (0..samples).map(|_| None).collect();
        let mut read = None;
        let begun = tokio::time::timeout_at(deadline.into(), self.model.generate(request)).await;
        let Ok(stream) = begun else {
            return Ok((Vec::new(), None));
        };
        let mut stream = stream?;
        let mut late = false;
        while written.iter().any(Option::is_none) {
            let Ok(event) = tokio::time::timeout_at(deadline.into(), stream.next()).await else {
                late = true;
                break;
            };
            match event.transpose()? {
                None => break,
                Some(SampleEvent::PromptRead {
                    prompt_tokens,
                    cached_tokens,
                }) => read = Some((prompt_tokens, cached_tokens)),
                Some(SampleEvent::Text { sample, text }) => {
                    let Some(so_far) = texts.get_mut(sample as usize) else {
                        continue;
                    };
                    so_far.push_str(&text);
                    let shown = shown(so_far, &question.half_typed);
                    let end = trim::natural_end(shown, place, question.extent);
                    if end < shown.trim_end().len()
                        && let Some(slot) = written.get_mut(sample as usize)
                    {
                        slot.get_or_insert_with(|| Written {
                            text: shown.get(..end).unwrap_or_default().to_owned(),
                            extent: question.extent,
                            ended: Ended::Whole,
                            tokens: None,
                            mean_logprob: None,
                        });
                    }
                }
                Some(SampleEvent::Finished { sample, result }) => {
                    if let Some(slot) = written.get_mut(sample as usize) {
                        slot.get_or_insert_with(|| Written {
                            text: shown(&result.text, &question.half_typed).to_owned(),
                            extent: question.extent,
                            ended: match result.finish_reason {
                                FinishReason::Stop => Ended::Whole,
                                FinishReason::Length => Ended::Cut,
                            },
                            tokens: result.completion_tokens,
                            mean_logprob: result.mean_logprob,
                        });
                    }
                }
            }
        }
        let written = written.into_iter().zip(texts).filter_map(|(written, text)| {
            written.or_else(|| {
                late.then(|| Written {
                    text: shown(&text, &question.half_typed).to_owned(),
                    extent: question.extent,
                    ended: Ended::Late,
                    tokens: None,
                    mean_logprob: None,
                })
            })
        });
        Ok((written.collect(), read))
    }

    /// What can be shown, in order; what cannot be is noted with its reason.
    fn held(
        &self,
        written: Vec<Written>,
        request: &CompletionRequest,
        place: &Place<'_>,
        trace: &mut CompletionTrace,
    ) -> Vec<String> {
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
            (Ended::Whole, _) => written.text.as_str(),
            // The last line of what was cut is a torso.
            (Ended::Cut | Ended::Late, Extent::Block) => {
                let end = written.text.rfind('\n').ok_or(Silence::Deadline)?;
                written.text.get(..end).unwrap_or_default()
            }
            // What there is of a line may do; if it does not, the reason is that there is no more of it.
            (Ended::Cut | Ended::Late, _) => written.text.as_str(),
        };
        let held = trim::trim(whole, place, written.extent).and_then(|text| {
            judge::judge(&self.project, &request.path, place, &text)?;
            Ok(text)
        });
        match written.ended {
            Ended::Late => held.map_err(|_| Silence::Deadline),
            Ended::Whole | Ended::Cut => held,
        }
    }
}

fn question(
    request: &CompletionRequest,
    place: &Place<'_>,
    window: &Window,
    trace: &CompletionTrace,
    constrains: bool,
) -> Question {
    let half_typed = if constrains { place.half_typed() } else { "" };
    let before = surroundings::render(&trace.fragments, &request.path, place.language);
    // The model writes the half-typed word anew, in the tokens it would have used.
    let read = window.prefix.strip_suffix(half_typed).unwrap_or(&window.prefix);
    Question {
        prompt: PromptInput::Fill {
            prefix: format!("{before}{read}"),
            suffix: window.suffix.clone(),
        },
        extent: trace.extent,
        half_typed: half_typed.to_owned(),
        scope: request.scope.clone(),
    }
}

/// Whether what stands below is indented as the body of the line that was opened.
fn has_body(opened: &Place<'_>, place: &Place<'_>) -> bool {
    let width = place::indentation(opened.line_before()).len();
    let below = place.lines_below().find(|line| !line.trim().is_empty());
    below.is_some_and(|line| place::indentation(line).len() > width)
}

/// How the line below the cursor's is indented.
fn next_indentation(place: &Place<'_>) -> String {
    let line = place.line_before();
    let deeper = trim::opens_block(line).then(|| place.indentation_step());
    format!("{}{}", place::indentation(line), deeper.unwrap_or_default())
}

/// What is new of an answer that begins with the half-typed word.
fn shown<'text>(text: &'text str, half_typed: &str) -> &'text str {
    text.strip_prefix(half_typed).unwrap_or_default()
}

fn begins_with(half_typed: &str) -> Option<Constraint> {
    (!half_typed.is_empty()).then(|| Constraint::Regex {
        pattern: format!("{}(.|\n)*", regex::escape(half_typed)),
    })
}

fn request(scope: CacheScope) -> GenerateRequest {
    GenerateRequest {
        prompt: PromptInput::Raw { text: String::new() },
        sampling: Sampling::GREEDY,
        samples: 1,
        max_tokens: LINE_TOKENS,
        stop: Vec::new(),
        constraint: None,
        expected: None,
        cache_scope: scope,
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
