use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{Amount, Histograms, Metrics, histograms, registered};
use crate::buckets;
use crate::names::Names;

/// Which embedded models are in memory.
#[derive(Debug)]
pub(super) struct Memory {
    loaded: Family<ModelLabels, Amount>,
    seconds: Histograms<ModelLabels>,
    models: Names,
}

impl Memory {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        Self {
            loaded: registered(registry, "tenon_model_loaded", "1 while the model is in memory"),
            seconds: histograms(
                registry,
                "tenon_model_load_seconds",
                "Until the model was in memory",
                buckets::jobs,
            ),
            models: Names::new(),
        }
    }

    fn labels(&self, model: &str) -> ModelLabels {
        ModelLabels {
            model: self.models.bounded(model),
        }
    }
}

impl Metrics {
    /// A model is in memory now, after so long.
    pub fn model_loaded(&self, model: &str, took: Duration) {
        let memory = &self.inner.memory;
        let labels = memory.labels(model);
        memory.loaded.get_or_create(&labels).set(1);
        let seconds = memory.seconds.get_or_create(&labels);
        seconds.observe(took.as_secs_f64());
    }

    /// A model made room.
    pub fn model_unloaded(&self, model: &str) {
        let memory = &self.inner.memory;
        memory.loaded.get_or_create(&memory.labels(model)).set(0);
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model: Arc<str>,
}
