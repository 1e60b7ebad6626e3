use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tenon_domain::{Criticality, FailureCategory, Level, Task};

use super::{Amount, Counters, Histograms, Metrics, Number, histograms, registered};
use crate::buckets;
use crate::words;

/// What waits, and what became of it.
#[derive(Debug)]
pub(super) struct Jobs {
    depth: Family<ClassLabels, Amount>,
    oldest_age: Family<ClassLabels, Number>,
    wait: Histograms<TaskLabels>,
    finished: Counters<FinishedLabels>,
    seconds: Histograms<EndedLabels>,
}

impl Jobs {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        Self {
            depth: registered(registry, "tenon_queue_depth", "Jobs that wait"),
            oldest_age: registered(
                registry,
                "tenon_queue_oldest_age_seconds",
                "How long the oldest job that waits has waited",
            ),
            wait: histograms(
                registry,
                "tenon_job_wait_seconds",
                "From submitted to begun",
                buckets::jobs,
            ),
            finished: registered(registry, "tenon_jobs", "Jobs that ended, and how"),
            seconds: histograms(
                registry,
                "tenon_job_seconds",
                "From begun to ended",
                buckets::jobs,
            ),
        }
    }
}

impl Metrics {
    /// What waits now; no age where nothing does.
    pub fn queue(&self, criticality: Criticality, depth: u64, oldest_age: Option<Duration>) {
        let jobs = &self.inner.jobs;
        let labels = ClassLabels {
            criticality: criticality.as_str(),
        };
        jobs.depth.get_or_create(&labels).set(depth);
        let age = oldest_age.unwrap_or_default().as_secs_f64();
        jobs.oldest_age.get_or_create(&labels).set(age);
    }

    /// A worker began with a job that had waited so long.
    pub fn job_started(&self, task: Task, waited: Duration) {
        let labels = TaskLabels { task: task.as_str() };
        let wait = self.inner.jobs.wait.get_or_create(&labels);
        wait.observe(waited.as_secs_f64());
    }

    /// A job ended for good: with a proposal of this level, or with a failure of this kind.
    pub fn job_finished(&self, task: Task, ended: Result<Level, FailureCategory>, took: Duration) {
        let jobs = &self.inner.jobs;
        let task = task.as_str();
        let outcome = words::ending(ended.err());
        let labels = FinishedLabels {
            task,
            outcome,
            level: ended.map_or("none", Level::as_str),
        };
        jobs.finished.get_or_create(&labels).inc();
        let seconds = jobs.seconds.get_or_create(&EndedLabels { task, outcome });
        seconds.observe(took.as_secs_f64());
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabels {
    criticality: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabels {
    task: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndedLabels {
    task: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FinishedLabels {
    task: &'static str,
    outcome: &'static str,
    level: &'static str,
}
