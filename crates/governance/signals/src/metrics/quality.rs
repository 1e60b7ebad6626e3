use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tenon_domain::{CheckKind, Level, Outcome, Task};

use super::{Counters, Histograms, Metrics, histograms, registered};
use crate::buckets;
use crate::words::{self, Feedback, SuggestionOutcome, Tries};

/// How good proposals and completions are: what checks said, and what people did.
#[derive(Debug)]
pub(super) struct Quality {
    checks: Counters<CheckLabels>,
    proposals: Counters<ProposalLabels>,
    feedback: Counters<FeedbackLabels>,
    edit_distance: Histograms<TaskLabels>,
    hallucinated_names: Counter,
    completions: Counters<CompletionLabels>,
    suggestions: Counters<SuggestionLabels>,
}

impl Quality {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        Self {
            checks: registered(
                registry,
                "tenon_checks",
                "Checks of candidates, and what they concluded",
            ),
            proposals: registered(
                registry,
                "tenon_proposals",
                "Proposals, and how far they were checked",
            ),
            feedback: registered(registry, "tenon_feedback", "What people did with proposals"),
            edit_distance: histograms(
                registry,
                "tenon_edit_distance_ratio",
                "The share of a proposal that people changed before they took it",
                buckets::ratios,
            ),
            hallucinated_names: registered(
                registry,
                "tenon_hallucinated_names",
                "Names in candidates that exist nowhere",
            ),
            completions: registered(
                registry,
                "tenon_completions",
                "Answers at a cursor, and why there was silence",
            ),
            suggestions: registered(
                registry,
                "tenon_suggestions",
                "What editors say became of suggestions",
            ),
        }
    }
}

impl Metrics {
    /// A check of a candidate ended.
    pub fn check_finished(&self, kind: CheckKind, outcome: Outcome) {
        let labels = CheckLabels {
            check: words::check(kind),
            outcome: words::outcome(outcome),
        };
        self.inner.quality.checks.get_or_create(&labels).inc();
    }

    /// A proposal was made, verified or not.
    pub fn proposal_made(&self, task: Task, level: Level, tries: Tries) {
        let labels = ProposalLabels {
            task: task.as_str(),
            level: level.as_str(),
            first_try: tries == Tries::First,
        };
        self.inner.quality.proposals.get_or_create(&labels).inc();
    }

    /// Somebody took a proposal or did not. The distance, from [`edit_distance`](crate::edit_distance), where it is
    /// known.
    pub fn feedback(&self, feedback: Feedback, task: Task, edit_distance: Option<f64>) {
        let quality = &self.inner.quality;
        let task = task.as_str();
        let labels = FeedbackLabels {
            metric: feedback.as_str(),
            task,
        };
        quality.feedback.get_or_create(&labels).inc();
        if let Some(distance) = edit_distance.filter(|distance| (0.0..=1.0).contains(distance)) {
            let distances = quality.edit_distance.get_or_create(&TaskLabels { task });
            distances.observe(distance);
        }
    }

    /// A candidate used so many names that exist nowhere.
    pub fn hallucinated_names(&self, count: u64) {
        self.inner.quality.hallucinated_names.inc_by(count);
    }

    /// Something was suggested at a cursor, or nothing for this reason.
    pub fn completed(&self, silence: Option<&'static str>) {
        let labels = CompletionLabels {
            outcome: silence.unwrap_or("shown"),
        };
        self.inner.quality.completions.get_or_create(&labels).inc();
    }

    /// An editor says what became of a suggestion.
    pub fn suggestion(&self, outcome: SuggestionOutcome) {
        let labels = SuggestionLabels {
            outcome: outcome.as_str(),
        };
        self.inner.quality.suggestions.get_or_create(&labels).inc();
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CheckLabels {
    check: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProposalLabels {
    task: &'static str,
    level: &'static str,
    first_try: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FeedbackLabels {
    metric: &'static str,
    task: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CompletionLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SuggestionLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabels {
    task: &'static str,
}
