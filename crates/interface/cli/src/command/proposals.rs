//! `show`, `replay` and `apply`: what was stored of earlier runs.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tenon_config::{Overrides, Settings};
use tenon_domain::{Attempt, AttemptOutcome, Level, Proposal, Task};
use tenon_engine::Repository;
use tenon_runtime::{CacheScope, GenerateRequest, PromptInput, Sample, Sampling};
use tenon_store::{ProposalStore, StoreError};

use super::work;
use crate::arguments::{ApplyArguments, ProposalArguments, ShowArguments};
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::Output;

/// The store of the settings' data folder.
///
/// # Errors
/// When its folder cannot be made.
pub fn store(settings: &Settings) -> Result<ProposalStore, Failure> {
    ProposalStore::open(settings.data_folder.join("proposals")).map_err(failure)
}

fn failure(error: StoreError) -> Failure {
    let exit = match &error {
        StoreError::NotAnId { .. } | StoreError::Unknown { .. } | StoreError::Ambiguous { .. } => Exit::Usage,
        _ => Exit::Missing,
    };
    Failure::new(exit, error.to_string())
}

/// `tenon show [ID]`.
pub fn show(arguments: &ShowArguments) -> Result<Exit, Failure> {
    let settings = composition::settings(None, &Overrides::default())?;
    let output = Output::new(false, settings.no_color);
    let store = store(&settings)?;
    let Some(id) = &arguments.id else {
        return list(&store, output, arguments.json);
    };
    let proposal = store.load(id).map_err(failure)?;
    if arguments.json && arguments.attempts {
        output.json(&proposal);
        return Ok(Exit::Success);
    }
    if let (Some(explanation), false) = (&proposal.explanation, arguments.json) {
        output.result(explanation);
    }
    work::show(&proposal, output, arguments.json);
    if !arguments.json {
        output.say(&provenance(&proposal));
    }
    if arguments.attempts {
        for (number, attempt) in proposal.provenance.attempts.iter().enumerate() {
            output.result(&attempt_text(number + 1, attempt));
        }
    }
    Ok(Exit::Success)
}

fn list(store: &ProposalStore, output: Output, json: bool) -> Result<Exit, Failure> {
    const LATEST: usize = 20;
    let listing = store.list(LATEST).map_err(failure)?;
    if json {
        output.json(&json!({ "proposals": listing.proposals, "total": listing.total }));
    } else {
        for summary in &listing.proposals {
            // A fix may be asked for without a word, and `test` and `explain` are asked with a name alone.
            let words = match summary.task {
                Task::Generate => &summary.intent,
                Task::Fix | Task::Test | Task::Explain => &summary.summary,
            };
            let words: String = words
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(60)
                .collect();
            output.result(&format!(
                "{}  {:>8} ago  {:<10}  {words}",
                summary.id,
                age(summary.created_at),
                summary.level
            ));
        }
        match listing.total {
            0 => output.say("no proposals yet: `tenon generate` makes one"),
            total if total > listing.proposals.len() => {
                output.say(&format!("the latest {} of {total}", listing.proposals.len()))
            }
            _ => {}
        }
    }
    for error in &listing.unreadable {
        output.problem(&format!("  {error}"));
    }
    Ok(Exit::Success)
}

fn age(created_at: u64) -> String {
    let then = UNIX_EPOCH + Duration::from_secs(created_at);
    let seconds = SystemTime::now()
        .duration_since(then)
        .map_or(0, |age| age.as_secs());
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86400),
    }
}

fn provenance(proposal: &Proposal) -> String {
    let provenance = &proposal.provenance;
    let mut lines = vec![format!(
        "  asked: {}",
        proposal.intent.text.lines().next().unwrap_or_default()
    )];
    let base = provenance.base_commit.as_deref().unwrap_or("no commit");
    lines.push(format!(
        "  base {base} · context {} · Tenon {}",
        provenance.context_digest.short(),
        provenance.tenon_version
    ));
    if let Some(attempt) = chosen(proposal) {
        let template = &attempt.template;
        lines.push(format!(
            "  template {} {} ({}) · model {} · seed {} · temperature {}",
            template.name,
            template.version,
            template.digest.short(),
            attempt.model.name,
            attempt.sampling.seed,
            attempt.sampling.temperature
        ));
    }
    lines.join("\n")
}

fn chosen(proposal: &Proposal) -> Option<&Attempt> {
    proposal
        .provenance
        .chosen
        .and_then(|index| proposal.provenance.attempts.get(index))
}

fn attempt_text(number: usize, attempt: &Attempt) -> String {
    let outcome = match &attempt.outcome {
        AttemptOutcome::NotExtracted { reason } => format!("no change could be read: {reason}"),
        AttemptOutcome::Duplicate { of } => format!("the same as attempt {}", of + 1),
        AttemptOutcome::Rejected { check, reason, .. } => format!("rejected by {check}: {reason}"),
        AttemptOutcome::Passed { level } => format!("passed: {level}"),
        AttemptOutcome::ModelFailed { reason } => format!("the model failed: {reason}"),
    };
    format!(
        "=== attempt {number} · {} · {} · seed {} · temperature {} · {} ms\n=== {outcome}\n--- prompt ---\n{}\n--- answer ---\n{}\n",
        attempt.model.name,
        attempt.template.name,
        attempt.sampling.seed,
        attempt.sampling.temperature,
        attempt.duration_ms,
        prompt_text(&attempt.prompt),
        attempt.text
    )
}

/// A stored prompt as people read it.
fn prompt_text(stored: &str) -> String {
    match serde_json::from_str(stored) {
        Ok(PromptInput::Chat { messages, prefill }) => {
            let mut text: String = messages
                .iter()
                .map(|message| format!("[{:?}]\n{}\n", message.role, message.content))
                .collect();
            text.push_str(&format!("[answer begins]\n{prefill}"));
            text
        }
        Ok(PromptInput::Fill { prefix, suffix }) => format!("{prefix}<cursor>{suffix}"),
        Ok(PromptInput::Raw { text }) => text,
        Err(_) => stored.to_owned(),
    }
}

/// `tenon replay ID`.
pub async fn replay(arguments: &ProposalArguments) -> Result<Exit, Failure> {
    let settings = composition::settings(None, &Overrides::default())?;
    let output = Output::new(false, settings.no_color);
    let proposal = store(&settings)?.load(&arguments.id).map_err(failure)?;
    let attempt = chosen(&proposal)
        .or_else(|| proposal.provenance.attempts.first())
        .ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "nothing was sampled for this proposal, so there is nothing to replay",
            )
        })?;
    let prompt: PromptInput = serde_json::from_str(&attempt.prompt).map_err(|_| {
        Failure::new(
            Exit::Usage,
            format!(
                "the change was not sampled: {}",
                attempt.text.lines().next().unwrap_or_default()
            ),
        )
        .with_help("`tenon show --attempts` shows where it comes from")
    })?;
    let model = composition::model(&settings, &attempt.model.name)?;
    let known = model.descriptor().reference.digest;
    if known != attempt.model.digest {
        let mend = "bring the file that was used, or generate anew";
        return Err(Failure::new(
            Exit::Missing,
            format!(
                "`{}` is another file than the one that was sampled",
                attempt.model.name
            ),
        )
        .with_help(mend));
    }
    let record = &attempt.sampling;
    let request = GenerateRequest {
        prompt,
        sampling: Sampling {
            temperature: record.temperature,
            top_p: record.top_p,
            seed: record.seed,
            ..Sampling::GREEDY
        },
        samples: 1,
        max_tokens: record.max_tokens,
        stop: record.stop.clone(),
        constraint: None,
        expected: (!attempt.tokens.is_empty()).then(|| attempt.tokens.clone()),
        cache_scope: CacheScope::local(),
    };
    output.say(&format!(
        "  replaying with {} · seed {}",
        attempt.model.name, record.seed
    ));
    let interrupt = Interrupt::watch();
    let sampled = async { model.generate(request).await?.collect(1).await };
    let (samples, _) = tokio::select! {
        samples = sampled => samples.map_err(|error| Failure::new(Exit::Missing, error.to_string()))?,
        () = interrupt.token().cancelled() => return Err(Failure::new(Exit::Interrupted, "interrupted")),
    };
    let sample = samples
        .first()
        .ok_or_else(|| Failure::new(Exit::Bug, "one sample was asked for and none came"))?;
    let replayed = Replayed::of(sample, attempt);
    if arguments.json {
        output.json(&json!({
            "id": proposal.id,
            "same": replayed.same,
            "tokens": replayed.tokens,
            "near_ties": replayed.near_ties,
            "text": sample.text,
            "stored": attempt.text,
        }));
    } else {
        output.result(if replayed.same {
            &attempt.text
        } else {
            &sample.text
        });
        output.say(&format!("  {replayed}"));
    }
    Ok(if replayed.same {
        Exit::Success
    } else {
        Exit::NotVerified
    })
}

/// How a sample compares with the stored one.
struct Replayed {
    same: bool,
    /// Tokens of both before they part.
    tokens: usize,
    /// How many of those rounding alone decided.
    near_ties: u32,
}

impl Replayed {
    fn of(sample: &Sample, attempt: &Attempt) -> Self {
        // What the prompt had opened stands before the stored text.
        let same_text = !sample.text.is_empty() && attempt.text.ends_with(&sample.text);
        let pairs = sample.tokens.iter().zip(&attempt.tokens);
        Self {
            same: same_text && (attempt.tokens.is_empty() || sample.tokens == attempt.tokens),
            tokens: pairs.take_while(|(new, old)| new == old).count(),
            near_ties: sample.near_ties,
        }
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let drawn = match self.near_ties {
            0 => format!("{} tokens drawn again", self.tokens),
            ties => format!(
                "{} tokens drawn again, {ties} of them ties but for rounding",
                self.tokens
            ),
        };
        match self.same {
            true => write!(formatter, "the same sample: {drawn}"),
            false => write!(formatter, "another sample than the stored one, after {drawn}"),
        }
    }
}

/// `tenon apply ID`.
pub fn apply(arguments: &ApplyArguments) -> Result<Exit, Failure> {
    let repository: Repository = composition::repository(&arguments.repo)?;
    let settings = composition::settings(Some(&repository.root), &Overrides::default())?;
    let output = Output::new(false, settings.no_color);
    let proposal = store(&settings)?.load(&arguments.id).map_err(failure)?;
    if proposal.change.is_empty() {
        return Err(Failure::new(Exit::Usage, "this proposal changes nothing"));
    }
    if proposal.level() == Level::Unverified && !arguments.unverified {
        return Err(
            Failure::new(Exit::NotVerified, "this proposal did not pass its checks")
                .with_help("look at it with `tenon show`; --unverified applies it all the same"),
        );
    }
    work::apply(&proposal, &repository.root)?;
    output.say(&format!("  applied: {}", proposal.summary));
    Ok(Exit::Success)
}
