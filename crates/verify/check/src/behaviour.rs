//! What a candidate does on inputs that nobody wrote an expectation for.
//!
//! The inputs are mutations of the example calls, the same for every candidate of one request, so that
//! candidates can be grouped by what they do.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tenon_sandbox::Sandbox;

use crate::driver;
use crate::error::CheckError;
use crate::limits::ExampleLimits;
use crate::running::{Candidate, execute, merge, task};

/// What a candidate did on each input, in the order of the inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Behaviour {
    /// One entry per input.
    pub observations: Vec<Observation>,
}

/// What a candidate did on one input.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Observation {
    /// The call.
    pub input: String,
    /// `= value`, shortened; `! ExceptionType` when a statement of its own raised that; `? ExceptionType`, `? timeout`
    /// when it broke down.
    pub outcome: String,
    /// Equal exactly when the whole outcomes are.
    pub digest: String,
}

impl Observation {
    /// Whether this is what the candidate makes of the input, rather than how it broke down on it.
    pub fn is_answer(&self) -> bool {
        !self.outcome.starts_with('?')
    }
}

impl Behaviour {
    /// The share of inputs on which two candidates did the same; `None` when they were not asked the same.
    pub fn likeness(&self, other: &Self) -> Option<f64> {
        self.same_share(other, |_, _| true)
    }

    /// The same, of the inputs that both have an answer for; `None` when there is none.
    pub fn likeness_of_answers(&self, other: &Self) -> Option<f64> {
        self.same_share(other, |left, right| left.is_answer() && right.is_answer())
    }

    fn same_share(&self, other: &Self, counts: impl Fn(&Observation, &Observation) -> bool) -> Option<f64> {
        if self.observations.len() != other.observations.len() {
            return None;
        }
        let pairs = self.observations.iter().zip(&other.observations);
        let pairs = pairs.filter(|(left, right)| counts(left, right));
        let (asked, same) = pairs.fold((0, 0), |(asked, same), (left, right)| {
            (asked + 1, same + usize::from(left.digest == right.digest))
        });
        (asked > 0).then(|| count(same) / count(asked))
    }

    /// The share of inputs on which the candidate did not break down.
    pub fn answered_share(&self) -> f64 {
        let answered = self
            .observations
            .iter()
            .filter(|observation| observation.is_answer())
            .count();
        if self.observations.is_empty() {
            0.0
        } else {
            count(answered) / count(self.observations.len())
        }
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Runs a Python candidate on up to `inputs` mutations of `calls`, deterministically by `seed`.
///
/// `calls` are example calls with literal arguments, as [`Example::call`](crate::Example::call) gives them; what
/// is no such call is passed over.
///
/// # Errors
/// When the sandbox cannot start the process.
pub async fn observe_python(
    sandbox: &Sandbox,
    candidate: &Candidate<'_>,
    calls: &[String],
    seed: u64,
    inputs: usize,
    limits: ExampleLimits,
) -> Result<Behaviour, CheckError> {
    let mut task = task(candidate, limits);
    merge(
        &mut task,
        json!({ "mode": "behaviour", "calls": calls, "seed": seed, "inputs": inputs.min(MOST_INPUTS) }),
    );
    let program = ["python3", "-c", driver::PYTHON_EXAMPLES];
    let (_, answers) = execute(sandbox, &program, candidate, task, limits).await?;
    let observations = answers
        .into_iter()
        .filter(|answer| answer.get("index").is_some())
        .map(|answer| {
            let text = |key: &str| {
                answer
                    .get(key)
                    .and_then(|value| value.as_str())
                    .unwrap_or_default()
                    .to_owned()
            };
            let outcome = text("outcome");
            let digest = match text("digest") {
                // A child that hung or died reports no digest of its own.
                digest if digest.is_empty() => outcome.clone(),
                digest => digest,
            };
            Observation {
                input: text("input"),
                outcome,
                digest,
            }
        });
    Ok(Behaviour {
        observations: observations.collect(),
    })
}

/// More inputs than these tell no more.
const MOST_INPUTS: usize = 100;
