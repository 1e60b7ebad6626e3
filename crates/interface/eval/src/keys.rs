//! Typing sessions, replayed key by key at the speed at which they were typed: how soon something usable is there, how
//! often there is silence, and how much typing is saved.
//!
//! A trace is a file of JSON lines: `{"path": …, "text": …}`, then one line a key,
//! `{"after_ms": …, "at": …, "remove": …, "insert": …}`, with places and lengths in bytes of UTF-8.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tenon_domain::RepoPath;
use tenon_engine::{AnsweredBy, Completer, CompletionRequest, Extent};
use tenon_runtime::{CacheScope, GenerateRequest, Model, PromptInput, Sampling};

/// A typing session.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The file that is typed in.
    pub path: RepoPath,
    /// What it holds before the first key.
    pub text: String,
    /// The keys in order.
    pub keys: Vec<Key>,
}

/// One key, or what an editor does at one: a new line with its indentation is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Milliseconds since the key before.
    pub after_ms: u64,
    /// Where, in bytes.
    pub at: usize,
    /// How many bytes are removed there.
    #[serde(default)]
    pub remove: usize,
    /// What is written there.
    #[serde(default)]
    pub insert: String,
}

/// Why a trace cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[error("{}, line {line}: {reason}", path.display())]
pub struct TraceError {
    path: PathBuf,
    line: usize,
    reason: String,
}

/// Who is asked at every key.
#[derive(Clone)]
pub enum Against {
    /// Everything that an editor gets: memory, checks, preparation.
    Completer(Arc<Completer>),
    /// The bare model with the same window of text: what the rest is compared with.
    Model(Arc<dyn Model>),
}

/// How one key was answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Answered {
    /// With something to insert.
    Shown {
        /// Milliseconds from the key to the answer.
        milliseconds: f64,
        /// Who answered.
        by: AnsweredBy,
        /// Whether it is what the person went on to write.
        right: bool,
    },
    /// With nothing, for this reason.
    Silent {
        /// The reason.
        reason: String,
    },
    /// Not before the next key came.
    Superseded,
}

/// What a replay found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct KeyReport {
    /// Keys that were typed.
    pub keys: usize,
    /// Keys that something was shown at.
    pub shown: usize,
    /// Of those, the ones that show what was written next.
    pub right: usize,
    /// Of those, the ones that cost no model.
    pub remembered: usize,
    /// Of those, the ones that the model was asked for at an earlier key.
    pub underway: usize,
    /// Keys that were answered with silence, by reason.
    pub silent: BTreeMap<String, usize>,
    /// Keys after which the next one came first.
    pub superseded: usize,
    /// Milliseconds to what was shown: median, and the 95th and 99th percentile.
    pub p50_ms: Option<f64>,
    /// See `p50_ms`.
    pub p95_ms: Option<f64>,
    /// See `p50_ms`.
    pub p99_ms: Option<f64>,
    /// Keys that a suggestion that was taken saved.
    pub saved: usize,
}

/// Shorter suggestions are typed sooner than taken.
const WORTH_TAKING: usize = 4;
/// Nobody waits longer for the last key.
const LAST_WAIT: Duration = Duration::from_secs(5);

impl Trace {
    /// Reads a trace and makes sure that its keys fit the text.
    ///
    /// # Errors
    /// When the file cannot be read, or a line does not fit what the lines before it wrote.
    pub fn read(path: &Path) -> Result<Self, TraceError> {
        let wrong = |line: usize, reason: String| TraceError {
            path: path.to_owned(),
            line,
            reason,
        };
        #[derive(Deserialize)]
        struct Head {
            path: String,
            text: String,
        }
        let content = std::fs::read_to_string(path).map_err(|error| wrong(1, error.to_string()))?;
        let mut lines = content.lines();
        let head = lines.next().unwrap_or_default();
        let head: Head = serde_json::from_str(head).map_err(|error| wrong(1, error.to_string()))?;
        let keys: Result<Vec<Key>, TraceError> = lines
            .enumerate()
            .map(|(number, line)| {
                serde_json::from_str(line).map_err(|error| wrong(number + 2, error.to_string()))
            })
            .collect();
        let trace = Self {
            path: RepoPath::parse(&head.path).map_err(|error| wrong(1, error.to_string()))?,
            text: head.text,
            keys: keys?,
        };
        let mut text = trace.text.clone();
        for (number, key) in trace.keys.iter().enumerate() {
            text = key
                .applied(&text)
                .ok_or_else(|| wrong(number + 2, "the key does not fit the text".to_owned()))?;
        }
        Ok(trace)
    }

    /// What is written from the cursor behind key `index` on, and after which key how much of it is there.
    fn upcoming(&self, index: usize) -> (String, Vec<(usize, usize)>) {
        let mut text = String::new();
        let mut ends = Vec::new();
        let start = self.keys.get(index).map_or(0, |key| key.at + key.insert.len());
        for (number, key) in self.keys.iter().enumerate().skip(index + 1) {
            if key.remove > 0 || key.at != start + text.len() {
                break;
            }
            text.push_str(&key.insert);
            ends.push((number, text.len()));
        }
        (text, ends)
    }
}

impl Key {
    fn applied(&self, text: &str) -> Option<String> {
        let (before, rest) = text.split_at_checked(self.at)?;
        let (_, after) = rest.split_at_checked(self.remove)?;
        Some(format!("{before}{}{after}", self.insert))
    }
}

/// Types a session and asks at every key. A suggestion that is what comes next is taken, which saves its keys.
pub async fn replay_keys(trace: &Trace, against: &Against) -> Vec<Answered> {
    let mut text = trace.text.clone();
    let mut answers = Vec::new();
    let mut index = 0;
    while let Some(key) = trace.keys.get(index) {
        let Some(typed) = key.applied(&text) else { break };
        text = typed;
        let request = request(trace, &text, key.at + key.insert.len());
        let wait = trace
            .keys
            .get(index + 1)
            .map_or(LAST_WAIT, |next| Duration::from_millis(next.after_ms));
        let begun = Instant::now();
        let asked = tokio::time::timeout(wait, ask(against, &request)).await;
        let (upcoming, ends) = trace.upcoming(index);
        index += 1;
        let (answer, taken) = match asked {
            Err(_) => (Answered::Superseded, None),
            Ok(Err(reason)) => (Answered::Silent { reason }, None),
            Ok(Ok((suggestion, by))) => {
                let right = !suggestion.trim().is_empty() && upcoming.starts_with(&suggestion);
                let answer = Answered::Shown {
                    milliseconds: begun.elapsed().as_secs_f64() * 1000.0,
                    by,
                    right,
                };
                (answer, right.then_some(suggestion))
            }
        };
        answers.push(answer);
        let taken = taken.filter(|taken| taken.chars().count() >= WORTH_TAKING);
        let last = taken
            .as_ref()
            .and_then(|taken| ends.iter().find(|(_, length)| *length == taken.len()));
        if let (Some(taken), Some((last, _))) = (&taken, last) {
            for key in trace.keys.get(index..=*last).unwrap_or_default() {
                text = key.applied(&text).unwrap_or(text);
            }
            index = last + 1;
            if let Against::Completer(completer) = against {
                completer.prepare_after(&request, taken);
            }
        }
        let left = wait.saturating_sub(begun.elapsed());
        if index < trace.keys.len() {
            tokio::time::sleep(left).await;
        }
    }
    answers
}

/// The figures of one or more sessions.
pub fn report<'run>(sessions: impl IntoIterator<Item = (&'run Trace, &'run [Answered])>) -> KeyReport {
    let mut report = KeyReport::default();
    let mut times = Vec::new();
    for (trace, answers) in sessions {
        report.keys += answers.len();
        report.saved += trace.keys.len() - answers.len().min(trace.keys.len());
        for answer in answers {
            match answer {
                Answered::Superseded => report.superseded += 1,
                Answered::Silent { reason } => *report.silent.entry(reason.clone()).or_insert(0) += 1,
                Answered::Shown {
                    milliseconds,
                    by,
                    right,
                } => {
                    report.shown += 1;
                    report.right += usize::from(*right);
                    report.remembered += usize::from(*by == AnsweredBy::Memory);
                    report.underway += usize::from(*by == AnsweredBy::Underway);
                    times.push(*milliseconds);
                }
            }
        }
    }
    times.sort_by(f64::total_cmp);
    report.p50_ms = percentile(&times, 50);
    report.p95_ms = percentile(&times, 95);
    report.p99_ms = percentile(&times, 99);
    report
}

impl KeyReport {
    /// The figures as a table for people.
    pub fn table(&self) -> String {
        let time = |time: Option<f64>| time.map_or("-".to_owned(), |time| format!("{time:.0} ms"));
        let silent: Vec<String> = self
            .silent
            .iter()
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        let rows = [
            ("keys", self.keys.to_string()),
            (
                "shown",
                format!(
                    "{}, {} of them remembered, {} begun at an earlier key",
                    self.shown, self.remembered, self.underway
                ),
            ),
            ("right of shown", self.right.to_string()),
            ("silent", silent.join(", ")),
            ("the next key came first", self.superseded.to_string()),
            (
                "time to what is shown",
                format!(
                    "p50 {}, p95 {}, p99 {}",
                    time(self.p50_ms),
                    time(self.p95_ms),
                    time(self.p99_ms)
                ),
            ),
            (
                "keys saved",
                format!("{} of {}", self.saved, self.keys + self.saved),
            ),
        ];
        rows.into_iter()
            .map(|(name, value)| format!("{name:24} {value}\n"))
            .collect()
    }
}

/// The first suggestion and whom it is from, or the reason for silence.
async fn ask(against: &Against, request: &CompletionRequest) -> Result<(String, AnsweredBy), String> {
    match against {
        Against::Completer(completer) => {
            let completion = completer.complete(request).await;
            let by = completion.trace.answered_by;
            match (completion.suggestions.into_iter().next(), completion.silence) {
                (Some(text), _) => Ok((text, by)),
                (None, silence) => Err(silence.map_or("nothing", |silence| silence.as_str()).to_owned()),
            }
        }
        Against::Model(model) => {
            let (prefix, suffix) = request.window().ok_or("bad_cursor")?;
            let request = GenerateRequest {
                prompt: PromptInput::Fill { prefix, suffix },
                sampling: Sampling::GREEDY,
                samples: 1,
                max_tokens: 32,
                stop: vec!["\n".to_owned()],
                constraint: None,
                expected: None,
                // Whatever the upstream keeps, it keeps; of ours nothing.
                cache_scope: CacheScope(format!("{}", request.text.len())),
            };
            let asked = async { model.generate(request).await?.collect(1).await };
            let (samples, _) = asked.await.map_err(|error| error.to_string())?;
            let text = samples
                .into_iter()
                .next()
                .map(|sample| sample.text)
                .unwrap_or_default();
            match text.trim().is_empty() {
                true => Err("empty".to_owned()),
                false => Ok((text, AnsweredBy::Model)),
            }
        }
    }
}

fn request(trace: &Trace, text: &str, cursor: usize) -> CompletionRequest {
    CompletionRequest {
        path: trace.path.clone(),
        text: text.to_owned(),
        cursor,
        is_excerpt: false,
        extent: Extent::Natural,
        alternatives: 1,
        deadline: LAST_WAIT,
        open_buffers: Vec::new(),
        recent_edits: Vec::new(),
        scope: CacheScope::local(),
    }
}

/// By nearest rank, of sorted times.
fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use tenon_runtime::ModelError;
    use tenon_testkit::ScriptedModel;

    use super::*;

    /// Types `text` at the end of a buffer, a character at a time.
    fn typed(before: &str, text: &str) -> Trace {
        let mut at = before.len();
        let keys = text.chars().map(|character| {
            let key = Key {
                // Longer than any answer takes, however busy the machine is.
                after_ms: 1000,
                at,
                remove: 0,
                insert: character.to_string(),
            };
            at += character.len_utf8();
            key
        });
        Trace {
            path: RepoPath::parse("a.py").unwrap(),
            text: before.to_owned(),
            keys: keys.collect(),
        }
    }

    #[tokio::test]
    async fn what_comes_next_is_taken_and_saves_its_keys() {
        let trace = typed("x = 1\n", "y = x + 10\n");
        let folder = tempfile::tempdir().unwrap();
        let silence = ModelError::Broken {
            reason: "no more to say".to_owned(),
        };
        let model = ScriptedModel::new()
            .when_prompt_contains("y =", " x + 10")
            .otherwise(silence);
        let completer = Arc::new(Completer::new(Arc::new(model), folder.path()));
        let answers = replay_keys(&trace, &Against::Completer(completer)).await;
        let report = report([(&trace, answers.as_slice())]);
        assert_eq!(report.right, 1, "{answers:?}");
        assert_eq!((report.keys, report.saved), (4, 7), "{answers:?}");
    }

    #[test]
    fn keys_that_do_not_fit_are_named_with_their_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.jsonl");
        let lines = "{\"path\":\"a.py\",\"text\":\"\"}\n{\"after_ms\":1,\"at\":0,\"insert\":\"é\"}\n{\"after_ms\":1,\"at\":1}\n";
        std::fs::write(&path, lines).unwrap();
        let error = Trace::read(&path).unwrap_err().to_string();
        assert!(error.contains("line 3"), "{error}");
    }

    #[test]
    fn percentiles_are_times_that_were_seen() {
        let times: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&times, 50), Some(50.0));
        assert_eq!(percentile(&times, 95), Some(95.0));
        assert_eq!(percentile(&[7.0], 99), Some(7.0));
        assert_eq!(percentile(&[], 50), None);
    }
}
