use serde::Serialize;
use tenon_domain::Price;

use crate::{Origin, RouteSettings, Settings, UpstreamFill, UpstreamSettings};

/// One setting, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedSetting {
    /// The key as it is written in a file: `limits.max_time`.
    pub key: String,
    /// The value in force.
    pub value: String,
    /// The place it comes from: `default`, a file and line, a variable, or a flag.
    pub origin: String,
}

/// A value that was resolved.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) key: &'static str,
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

pub(crate) fn explain(settings: &Settings) -> Vec<ExplainedSetting> {
    let records = settings.records.iter().map(|record| ExplainedSetting {
        key: record.key.to_owned(),
        value: record.value.clone(),
        origin: record.origin.to_string(),
    });
    records
        .chain(settings.upstreams.iter().flat_map(upstream))
        .chain(settings.routes.iter().map(route))
        .collect()
}

fn route(route: &RouteSettings) -> ExplainedSetting {
    let targets: Vec<String> = route
        .targets
        .iter()
        .map(|target| {
            format!(
                "{} (weight {}, tier {})",
                target.model, target.weight, target.tier
            )
        })
        .collect();
    ExplainedSetting {
        key: format!("route.{}.target", route.name),
        value: targets.join(", "),
        origin: route.origin.to_string(),
    }
}

fn upstream(upstream: &UpstreamSettings) -> impl Iterator<Item = ExplainedSetting> {
    let api_key = match &upstream.api_key {
        // A `Secret` shows as a placeholder, whatever it holds.
        Some(secret) => secret.to_string(),
        None => "none".to_owned(),
    };
    let price = |part: fn(Price) -> u64| match upstream.price {
        Some(price) => {
            let micros = part(price);
            let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        None => "none".to_owned(),
    };
    let values = [
        ("kind", upstream.kind.as_str().to_owned()),
        ("base_url", upstream.base_url.clone()),
        ("model", upstream.model.clone()),
        ("context_length", upstream.context_length.to_string()),
        (
            "fill",
            upstream.fill.map_or("none", UpstreamFill::as_str).to_owned(),
        ),
        ("input_price", price(|price| price.input)),
        ("output_price", price(|price| price.output)),
        ("api_key", api_key),
    ];
    values.into_iter().map(|(key, value)| ExplainedSetting {
        key: format!("upstream.{}.{key}", upstream.name),
        value,
        origin: upstream.origin.to_string(),
    })
}
