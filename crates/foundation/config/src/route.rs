use std::collections::BTreeSet;
use std::time::Duration;

use crate::options::Stated;
use crate::upstream::{UpstreamSettings, required};
use crate::{ConfigError, Origin, value};

/// Several models behind one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSettings {
    /// The name, in `models` and `--model`.
    pub name: String,
    /// How long one target may take to its first text; `None`: the usual time.
    pub first_text: Option<Duration>,
    /// Targets that are asked for one request, at most; `None`: the usual number.
    pub attempts: Option<u32>,
    /// Who is asked.
    pub targets: Vec<RouteTargetSettings>,
    /// The place it is stated at.
    pub origin: Origin,
}

/// One model of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTargetSettings {
    /// An upstream's name, or a local model's.
    pub model: String,
    /// Its share of the load in its tier.
    pub weight: u32,
    /// Targets of a higher tier are asked when none of a lower one answers.
    pub tier: u32,
}

/// One `[[route]]` table as it is written.
#[derive(Debug)]
pub(crate) struct RouteOptions {
    pub(crate) name: Option<Stated<String>>,
    pub(crate) first_text: Option<Stated<Duration>>,
    pub(crate) attempts: Option<Stated<u32>>,
    pub(crate) targets: Vec<Stated<RouteTargetOptions>>,
}

/// One `[[route.target]]` table as it is written.
#[derive(Debug)]
pub(crate) struct RouteTargetOptions {
    pub(crate) model: Option<Stated<String>>,
    pub(crate) weight: Option<Stated<u32>>,
    pub(crate) tier: Option<Stated<u32>>,
}

/// Resolves the routes. A route names models, never another route, so that no request goes round.
pub(crate) fn resolve_all(
    routes: Vec<Stated<RouteOptions>>,
    upstreams: &[UpstreamSettings],
) -> Result<Vec<RouteSettings>, ConfigError> {
    let mut names: BTreeSet<String> = upstreams.iter().map(|upstream| upstream.name.clone()).collect();
    let mut settings = Vec::with_capacity(routes.len());
    for route in routes {
        let route = resolve(route)?;
        if !names.insert(route.name.clone()) {
            return Err(wrong(
                &route.origin,
                "route.name",
                format!(
                    "is `{}`, as another route's or upstream's is; names must differ",
                    route.name
                ),
            ));
        }
        settings.push(route);
    }
    let is_route = |name: &str| settings.iter().any(|route| route.name == name);
    for route in &settings {
        if let Some(target) = route.targets.iter().find(|target| is_route(&target.model)) {
            let reason = format!("is `{}`, which is a route; name its models instead", target.model);
            return Err(wrong(&route.origin, "route.target.model", reason));
        }
    }
    Ok(settings)
}

fn resolve(stated: Stated<RouteOptions>) -> Result<RouteSettings, ConfigError> {
    let Stated {
        value: options,
        origin,
    } = stated;
    let targets: Result<Vec<RouteTargetSettings>, ConfigError> = options
        .targets
        .into_iter()
        .map(|target| {
            let Stated {
                value: target,
                origin,
            } = target;
            Ok(RouteTargetSettings {
                model: required(target.model, "route.target.model", &origin, |text| {
                    value::model_name(text)
                })?,
                weight: target.weight.map_or(1, |stated| stated.value),
                tier: target.tier.map_or(0, |stated| stated.value),
            })
        })
        .collect();
    let targets = targets?;
    if targets.is_empty() {
        let reason = "is missing: a route asks at least one model".to_owned();
        return Err(wrong(&origin, "route.target", reason));
    }
    Ok(RouteSettings {
        name: required(options.name, "route.name", &origin, |text| {
            value::model_name(text)
        })?,
        first_text: options.first_text.map(|stated| stated.value),
        attempts: options.attempts.map(|stated| stated.value),
        targets,
        origin,
    })
}

fn wrong(origin: &Origin, key: &str, reason: String) -> ConfigError {
    ConfigError::Value {
        origin: origin.clone(),
        key: key.to_owned(),
        reason,
    }
}
