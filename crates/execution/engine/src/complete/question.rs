//! What the model is asked, and what it writes in time.

use std::time::Instant;

use tenon_runtime::{
    CacheScope, Constraint, FinishReason, GenerateRequest, GenerateUsage, Model, ModelError, PromptInput,
    SampleEvent, Sampling,
};

use super::completion::{CompletionRequest, CompletionTrace, Extent};
use super::place::{self, Place, Window};
use super::{surroundings, trim};

const LINE_TOKENS: u32 = 32;
const BLOCK_TOKENS: u32 = 96;
/// How alternatives are drawn.
pub(super) const DRAWS: Sampling = Sampling {
    temperature: 0.7,
    top_p: 0.95,
    ..Sampling::GREEDY
};

/// Hears what is written while it is.
pub(super) type Tell<'tell> = dyn Fn(&str) + Sync + 'tell;

/// What the model wrote.
pub(super) struct Written {
    pub text: String,
    pub extent: Extent,
    pub ended: Ended,
    pub tokens: Option<u32>,
    pub mean_logprob: Option<f32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By itself, or by us where the suggestion ends.
    Whole,
    /// By the most tokens.
    Cut,
    /// By the deadline.
    Late,
}

/// What is asked of the model.
pub(super) struct Question {
    prompt: PromptInput,
    extent: Extent,
    half_typed: String,
    scope: CacheScope,
}

impl Question {
    /// The window with what leans on it, up to the half-typed word: the model writes that anew, in the tokens it would
    /// have used.
    pub fn new(
        request: &CompletionRequest,
        place: &Place<'_>,
        window: &Window,
        trace: &CompletionTrace,
        constrains: bool,
    ) -> Self {
        let half_typed = if constrains { place.half_typed() } else { "" };
        let before = surroundings::render(&trace.fragments, &request.path, place.language);
        // The model writes the half-typed word anew, in the tokens it would have used.
        let read = window.prefix.strip_suffix(half_typed).unwrap_or(&window.prefix);
        Self {
            prompt: PromptInput::Fill {
                prefix: format!("{before}{read}"),
                suffix: window.suffix.clone(),
            },
            extent: trace.extent,
            half_typed: half_typed.to_owned(),
            scope: request.scope.clone(),
        }
    }

    /// What the model writes by the deadline, and the tokens that it read and knew. `tell` hears the first sample as it
    /// grows.
    pub async fn written(
        &self,
        model: &dyn Model,
        sampling: Sampling,
        samples: u32,
        place: &Place<'_>,
        deadline: Instant,
        tell: &Tell<'_>,
    ) -> Result<(Vec<Written>, GenerateUsage), ModelError> {
        let line = self.extent != Extent::Block;
        let request = GenerateRequest {
            prompt: self.prompt.clone(),
            sampling,
            samples,
            max_tokens: if line { LINE_TOKENS } else { BLOCK_TOKENS },
            stop: if line { vec!["\n".to_owned()] } else { Vec::new() },
            constraint: begins_with(&self.half_typed),
            ..request(self.scope.clone())
        };
        let mut texts = vec![String::new(); samples as usize];
        let mut written: Vec<Option<Written>> = (0..samples).map(|_| None).collect();
        let mut read = GenerateUsage::default();
        let begun = tokio::time::timeout_at(deadline.into(), model.generate(request)).await;
        let Ok(stream) = begun else {
            return Ok((Vec::new(), read));
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
                }) => {
                    read = GenerateUsage {
                        prompt_tokens,
                        cached_tokens,
                    };
                }
                Some(SampleEvent::Text { sample, text }) => {
                    let Some(so_far) = texts.get_mut(sample as usize) else {
                        continue;
                    };
                    so_far.push_str(&text);
                    let shown = shown(so_far, &self.half_typed);
                    if sample == 0 {
                        tell(shown);
                    }
                    let end = trim::natural_end(shown, place, self.extent);
                    if end < shown.trim_end().len()
                        && let Some(slot) = written.get_mut(sample as usize)
                    {
                        slot.get_or_insert_with(|| Written {
                            text: shown.get(..end).unwrap_or_default().to_owned(),
                            extent: self.extent,
                            ended: Ended::Whole,
                            tokens: None,
                            mean_logprob: None,
                        });
                    }
                }
                Some(SampleEvent::Finished { sample, result }) => {
                    if let Some(slot) = written.get_mut(sample as usize) {
                        slot.get_or_insert_with(|| Written {
                            text: shown(&result.text, &self.half_typed).to_owned(),
                            extent: self.extent,
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
                    text: shown(&text, &self.half_typed).to_owned(),
                    extent: self.extent,
                    ended: Ended::Late,
                    tokens: None,
                    mean_logprob: None,
                })
            })
        });
        Ok((written.collect(), read))
    }

    /// A line that opens a block is nothing without it.
    pub async fn with_block(
        &self,
        model: &dyn Model,
        line: Written,
        place: &Place<'_>,
        deadline: Instant,
        tell: &Tell<'_>,
    ) -> Result<Written, ModelError> {
        let PromptInput::Fill { prefix, suffix } = &self.prompt else {
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
        let inside = Self {
            prompt: PromptInput::Fill {
                prefix: format!("{prefix}{}{}{between}", self.half_typed, line.text),
                suffix: suffix.clone(),
            },
            extent: Extent::Block,
            half_typed: String::new(),
            scope: self.scope.clone(),
        };
        let (blocks, _) = inside
            .written(model, Sampling::GREEDY, 1, &inner, deadline, &|block| {
                tell(&format!("{}{between}{block}", line.text));
            })
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
}

/// Whether what stands below is indented as the body of the line that was opened.
fn has_body(opened: &Place<'_>, place: &Place<'_>) -> bool {
    let width = place::indentation(opened.line_before()).len();
    let below = place.lines_below().find(|line| !line.trim().is_empty());
    below.is_some_and(|line| place::indentation(line).len() > width)
}

/// How the line below the cursor's is indented.
pub(super) fn next_indentation(place: &Place<'_>) -> String {
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

/// One likeliest line, for the caller to change.
pub(super) fn request(scope: CacheScope) -> GenerateRequest {
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
