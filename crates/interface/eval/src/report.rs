//! The table of a run.

use std::collections::BTreeMap;

use serde::Serialize;
use tenon_domain::Level;

use crate::run::TaskResult;
use crate::statistics::Rate;

/// Figures of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Tasks whose hidden tests pass, one answer a task.
    pub pass_at_1: Rate,
    /// Of the tasks reported `tested`, those whose hidden tests pass.
    pub tested_and_right: Rate,
    /// For gaps: lines that are the very lines that were taken out.
    pub exact_match: Option<Rate>,
    /// For gaps: of those where something was suggested, those whose hidden tests pass.
    pub suggested_and_right: Option<Rate>,
    /// Tasks by the level that was reported.
    pub levels: BTreeMap<String, usize>,
    /// Tasks where a candidate that was not chosen would have passed.
    pub lost_by_selection: usize,
    /// Candidates rejected, by check.
    pub rejected: BTreeMap<String, u32>,
    /// Tasks by the model whose candidate was chosen.
    pub models: BTreeMap<String, usize>,
    /// Mean tokens written per task.
    pub completion_tokens: f64,
    /// Mean tokens read per task, cache hits included.
    pub prompt_tokens: f64,
    /// Mean candidates per task.
    pub attempts: f64,
    /// Mean seconds per task, without the judge.
    pub seconds: f64,
}

impl Report {
    /// The figures of `results`.
    pub fn of(results: &[TaskResult]) -> Self {
        let count = |keep: &dyn Fn(&&TaskResult) -> bool| results.iter().filter(keep).count();
        let tested = count(&|result| result.level == Level::Tested);
        let mut levels = BTreeMap::new();
        let mut rejected = BTreeMap::new();
        let mut models = BTreeMap::new();
        for result in results {
            *levels.entry(result.level.to_string()).or_insert(0) += 1;
            if let Some(model) = &result.model {
                *models.entry(model.clone()).or_insert(0) += 1;
            }
            for (check, number) in &result.rejected {
                *rejected.entry(check.clone()).or_insert(0) += number;
            }
        }
        let gaps = count(&|result| result.exact_match.is_some());
        let exact = (gaps > 0).then(|| Rate::of(count(&|result| result.exact_match == Some(true)), gaps));
        let suggested = count(&|result| result.suggested == Some(true));
        let right = (gaps > 0).then(|| {
            let right = count(&|result| result.suggested == Some(true) && result.passed);
            Rate::of(right, suggested)
        });
        Self {
            pass_at_1: Rate::of(count(&|result| result.passed), results.len()),
            tested_and_right: Rate::of(
                count(&|result| result.level == Level::Tested && result.passed),
                tested,
            ),
            exact_match: exact,
            suggested_and_right: right,
            levels,
            lost_by_selection: count(&|result| result.lost_by_selection == Some(true)),
            rejected,
            models,
            completion_tokens: mean(results, |result| to_f64(result.completion_tokens)),
            prompt_tokens: mean(results, |result| to_f64(result.prompt_tokens)),
            attempts: mean(results, |result| f64::from(result.attempts)),
            seconds: mean(results, |result| result.seconds),
        }
    }

    /// The figures as a table for people.
    pub fn table(&self) -> String {
        let list = |counts: &BTreeMap<String, usize>| {
            counts
                .iter()
                .map(|(name, count)| format!("{name} {count}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let rejected: Vec<String> = self
            .rejected
            .iter()
            .map(|(check, count)| format!("{check} {count}"))
            .collect();
        let mut rows = vec![("pass@1".to_owned(), self.pass_at_1.to_string())];
        if let Some(exact) = &self.exact_match {
            rows.push(("exact match".to_owned(), exact.to_string()));
            if let Some(right) = &self.suggested_and_right {
                rows.push(("right of suggested".to_owned(), right.to_string()));
            }
            rows.push(("silent because".to_owned(), rejected.join(", ")));
        } else {
            rows.push(("right of `tested`".to_owned(), self.tested_and_right.to_string()));
            rows.push(("levels".to_owned(), list(&self.levels)));
            rows.push(("lost by selection".to_owned(), self.lost_by_selection.to_string()));
            rows.push(("rejected by".to_owned(), rejected.join(", ")));
            rows.push(("chosen from".to_owned(), list(&self.models)));
            rows.push(("attempts a task".to_owned(), format!("{:.2}", self.attempts)));
        }
        rows.push((
            "tokens written a task".to_owned(),
            format!("{:.0}", self.completion_tokens),
        ));
        rows.push((
            "tokens read a task".to_owned(),
            format!("{:.0}", self.prompt_tokens),
        ));
        rows.push(("seconds a task".to_owned(), format!("{:.2}", self.seconds)));
        rows.into_iter()
            .map(|(name, value)| format!("{name:22} {value}\n"))
            .collect()
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "suites hold thousands of tasks, not 2^52"
)]
fn mean(results: &[TaskResult], value: impl Fn(&TaskResult) -> f64) -> f64 {
    let sum: f64 = results.iter().map(value).sum();
    if results.is_empty() {
        0.0
    } else {
        (sum / results.len() as f64 * 100.0).round() / 100.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
fn to_f64(value: u64) -> f64 {
    value as f64
}
