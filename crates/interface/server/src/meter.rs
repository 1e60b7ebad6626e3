//! Measures what models do.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tenon_domain::FailureCategory;
use tenon_runtime::{Answered, PoolEvent, Standing, Watch};
use tenon_signals::{BreakerState, Metrics, OpeningReason, TokenDirection, Upstream};

/// Who serves the models that no upstream does.
const EMBEDDED: &str = "llama_cpp";

/// Writes into metrics what models do.
pub struct ModelMeter {
    metrics: Metrics,
    /// Who serves the models that are not embedded.
    providers: BTreeMap<String, &'static str>,
    /// What each route thinks of each model.
    standings: Mutex<BTreeMap<(String, String), Standing>>,
}

impl ModelMeter {
    /// Measures into `metrics`. `providers` says who serves which upstream.
    pub fn new(metrics: Metrics, providers: BTreeMap<String, &'static str>) -> Self {
        Self {
            metrics,
            providers,
            standings: Mutex::default(),
        }
    }

    /// A model came or went.
    pub fn pooled(&self, event: &PoolEvent) {
        match event {
            PoolEvent::Loaded { name, took } => self.metrics.model_loaded(name, *took),
            PoolEvent::Unloaded { name } => self.metrics.model_unloaded(name),
        }
    }

    fn upstream<'a>(&self, model: &'a str) -> Upstream<'a> {
        Upstream {
            provider: self.providers.get(model).copied().unwrap_or(EMBEDDED),
            model,
        }
    }
}

impl Watch for ModelMeter {
    fn asked(&self, model: &str) -> Box<dyn Any + Send + Sync> {
        Box::new(self.metrics.in_flight(self.upstream(model)))
    }

    fn answered(&self, model: &str, answered: &Answered) {
        let (metrics, upstream) = (&self.metrics, self.upstream(model));
        metrics.attempt(upstream, answered.failure);
        metrics.upstream_answered(upstream, answered.failure, answered.took, answered.first_text);
        if answered.failure == Some(FailureCategory::StreamTruncated) {
            metrics.stream_truncated(upstream.provider);
        }
        for (direction, tokens) in [
            (TokenDirection::Input, answered.tokens.prompt),
            (TokenDirection::CacheRead, answered.tokens.cached),
            (TokenDirection::Output, answered.tokens.completion),
        ] {
            if let Some(tokens) = tokens {
                metrics.tokens(upstream, direction, None, u64::from(tokens));
            }
        }
    }

    fn fell_back(&self, from: &str, to: &str) {
        self.metrics.fallback(from, to);
    }

    fn retried(&self, model: &str) {
        self.metrics.retry(self.upstream(model));
    }

    fn judged(&self, route: &str, model: &str, standing: Standing) {
        let upstream = self.upstream(model);
        let mut standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        let before = standings.insert((route.to_owned(), model.to_owned()), standing);
        // A trial that fails goes on with what was.
        let was_asked = matches!(before, None | Some(Standing::Asked));
        match standing {
            Standing::Failing if was_asked => self.metrics.breaker_opened(upstream, OpeningReason::Failing),
            Standing::Limited if was_asked => self.metrics.breaker_opened(upstream, OpeningReason::Limited),
            _ => {}
        }
        // A model may stand in several routes: the worst is shown.
        let of_model = standings.iter().filter(|((_, name), _)| name == model);
        let worst = of_model.map(|(_, standing)| state(*standing));
        let worst = worst.max_by_key(|(rank, _)| *rank);
        if let Some((_, state)) = worst {
            self.metrics.breaker(upstream, state);
        }
    }
}

/// The state as it is shown, and how bad it is.
fn state(standing: Standing) -> (u8, BreakerState) {
    match standing {
        Standing::Asked => (0, BreakerState::Closed),
        Standing::OnTrial => (1, BreakerState::HalfOpen),
        Standing::Failing | Standing::Limited => (2, BreakerState::Open),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_in_two_routes_shows_the_worse_of_both() {
        let metrics = Metrics::new();
        let meter = ModelMeter::new(metrics.clone(), BTreeMap::from([("big".to_owned(), "vllm")]));
        let shown = |value: u8| {
            let line = format!("tenon_breaker_state{{provider=\"vllm\",model=\"big\"}} {value}\n");
            metrics.encode().contains(&line)
        };
        meter.judged("a", "big", Standing::Asked);
        assert!(shown(0), "an upstream that never failed is known, too");
        meter.judged("b", "big", Standing::Failing);
        meter.judged("a", "big", Standing::OnTrial);
        assert!(shown(2));
        meter.judged("b", "big", Standing::OnTrial);
        meter.judged("b", "big", Standing::Failing);
        assert!(shown(2));
        meter.judged("b", "big", Standing::Asked);
        assert!(shown(1));
        let opened = r#"tenon_breaker_openings_total{provider="vllm",model="big",reason="failing"} 1"#;
        assert!(metrics.encode().contains(opened));
    }
}
