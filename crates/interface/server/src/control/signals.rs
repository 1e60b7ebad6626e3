//! Signals, limits, and what the service works with.

use axum::http::StatusCode;
use serde::Deserialize;
use tenon_access::Resource;
use tenon_api as api;
use tenon_audit::EventKind;
use tenon_jobs::now_ms;
use tenon_store::{Limit, LimitScope, LimitUnit};

use super::answer::Answer;
use super::asked::{Asked, Noted};
use super::{Refusal, view};

const DAY: u32 = 86_400;
const YEAR: u32 = 365 * DAY;
const LEAST_WINDOW: u32 = 60;
const DEFAULT_DAYS: u32 = 30;
const MOST_DAYS: u32 = 366;
const MOST_ROWS: u32 = 20_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    window_seconds: Option<u32>,
    task: Option<String>,
    model: Option<String>,
    template: Option<String>,
}

pub(super) async fn read(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let window: Window = asked.query()?;
    let seconds = window.window_seconds.unwrap_or(DAY);
    if !(LEAST_WINDOW..=YEAR).contains(&seconds) {
        return Err(Refusal::bad(format!(
            "`window_seconds` is from {LEAST_WINDOW} to {YEAR}"
        )));
    }
    let permit = asked.permit(&Resource::Service, Noted::read("signals")).await?;
    let now = now_ms();
    let rows = asked
        .control
        .database()
        .quality(now - i64::from(seconds) * 1000)
        .await?;
    let fits = |wish: &Option<String>, word: &str| wish.as_ref().is_none_or(|wish| wish == word);
    let quality = rows.iter().map(view::quality).filter(|row| {
        fits(&window.task, &row.task)
            && fits(&window.model, &row.model)
            && fits(&window.template, &row.template)
    });
    let depths = asked.control.database().queue_depths().await?;
    let queue = depths.iter().map(|depth| api::Queue {
        criticality: depth.criticality.as_str().to_owned(),
        waiting: depth.waiting,
        oldest_seconds: now.saturating_sub(depth.oldest_ms) as f64 / 1000.0,
    });
    let signals = api::Signals {
        window_seconds: seconds,
        quality: quality.collect(),
        queue: queue.collect(),
    };
    Ok(Answer::json(&permit, StatusCode::OK, &signals))
}

pub(super) async fn prompts(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let permit = asked.permit(&Resource::Service, Noted::read("prompts")).await?;
    let prompts = asked.control.parts.prompts.clone();
    Ok(Answer::json(&permit, StatusCode::OK, &api::Prompts { prompts }))
}

pub(super) async fn models(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let permit = asked.permit(&Resource::Service, Noted::read("models")).await?;
    let models = asked.control.parts.models.clone();
    Ok(Answer::json(&permit, StatusCode::OK, &api::Models { models }))
}

pub(super) async fn limits(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let permit = asked.permit(&Resource::Service, Noted::read("limits")).await?;
    let used = asked.control.database().used(now_ms()).await?;
    let all = asked.control.database().limits().await?;
    let limits = all.iter().flat_map(|limit| usage(limit, &all, &used)).collect();
    Ok(Answer::json(&permit, StatusCode::OK, &api::Limits { limits }))
}

pub(super) async fn set_limit(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let request: api::Limit = asked.read()?;
    let limit = resolve(&request)?;
    let noted = Noted::done(EventKind::ConfigurationChanged, format!("limits/{}", limit.scope))
        .with("unit", limit.unit.as_str())
        .with("window_seconds", limit.window_seconds)
        .with("quota", limit.quota);
    let permit = asked.permit(&Resource::Service, noted).await?;
    asked.control.database().set_limit(&limit).await?;
    asked.control.ledger.forget();
    Ok(Answer::json(&permit, StatusCode::OK, &written(&limit)))
}

/// How much of a limit is used; of one that each user has, by each who used any of it.
fn usage(limit: &Limit, all: &[Limit], used: &[(String, LimitUnit, i64, i64)]) -> Vec<api::LimitUsage> {
    let of_window = used
        .iter()
        .filter(|(_, unit, window, _)| (*unit, *window) == (limit.unit, limit.window_seconds));
    let count = |used: i64| u64::try_from(used).unwrap_or_default();
    let row = |user: Option<String>, used: i64| api::LimitUsage {
        limit: written(limit),
        user,
        used: count(used),
    };
    let scope = limit.scope.to_string();
    match limit.scope {
        LimitScope::EachUser => {
            let has_own = |counted: &str| {
                let own = |one: &&Limit| one.unit == limit.unit && one.scope.to_string() == counted;
                all.iter().any(|one| own(&one))
            };
            let each: Vec<api::LimitUsage> = of_window
                .filter(|(counted, ..)| !has_own(counted))
                .filter_map(|(counted, _, _, used)| {
                    let name = counted.strip_prefix("user:")?;
                    Some(row(Some(name.to_owned()), *used))
                })
                .collect();
            match each.is_empty() {
                true => vec![row(None, 0)],
                false => each,
            }
        }
        _ => {
            let own = of_window.clone().find(|(counted, ..)| *counted == scope);
            vec![row(None, own.map_or(0, |(_, _, _, used)| *used))]
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Days {
    days: Option<u32>,
}

pub(super) async fn spending(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let days: Days = asked.query()?;
    let days = days.days.unwrap_or(DEFAULT_DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Refusal::bad(format!("`days` is from 1 to {MOST_DAYS}")));
    }
    let permit = asked.permit(&Resource::Service, Noted::read("spending")).await?;
    let since = now_ms() - i64::from(days - 1) * i64::from(DAY) * 1000;
    let rows = asked.control.database().spending(since, MOST_ROWS + 1).await?;
    if rows.len() > MOST_ROWS as usize {
        return Err(Refusal::bad(format!(
            "there is too much to list for {days} days: ask for fewer"
        )));
    }
    let spending = rows.iter().map(view::spending).collect();
    Ok(Answer::json(
        &permit,
        StatusCode::OK,
        &api::SpendingReport { days, spending },
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lifted {
    scope: LimitScope,
    unit: LimitUnit,
    window_seconds: u32,
}

pub(super) async fn lift_limit(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let lifted: Lifted = asked.query()?;
    let noted = Noted::done(
        EventKind::ConfigurationChanged,
        format!("limits/{}", lifted.scope),
    )
    .with("unit", lifted.unit.as_str())
    .with("change", "lifted");
    let permit = asked.permit(&Resource::Service, noted).await?;
    let database = asked.control.database();
    let was_there = database
        .lift_limit(&lifted.scope, lifted.unit, i64::from(lifted.window_seconds))
        .await?;
    asked.control.ledger.forget();
    match was_there {
        true => Ok(Answer::nothing(&permit, StatusCode::NO_CONTENT)),
        false => Err(Refusal::missing("there is no such limit")),
    }
}

fn resolve(request: &api::Limit) -> Result<Limit, Refusal> {
    let wrong = |field: &str, detail: &dyn std::fmt::Display| {
        Refusal::bad(format!("the body, at `{field}`: {detail}"))
    };
    let scope: LimitScope = request.scope.parse().map_err(|error| wrong("scope", &error))?;
    let unit: LimitUnit = request.unit.parse().map_err(|error| wrong("unit", &error))?;
    let is_open_jobs = unit == LimitUnit::Concurrency;
    if is_open_jobs != (request.window_seconds == 0) {
        return Err(wrong(
            "window_seconds",
            &"it is 0 for `concurrency`, and more for everything else",
        ));
    }
    if request.window_seconds > YEAR {
        return Err(wrong("window_seconds", &format!("give {YEAR} at most")));
    }
    if is_open_jobs && matches!(scope, LimitScope::Key(_)) {
        return Err(wrong(
            "scope",
            &"open jobs are counted for users, teams and repositories, not for keys",
        ));
    }
    if unit == LimitUnit::Requests && matches!(scope, LimitScope::Repository(_)) {
        return Err(wrong(
            "scope",
            &"requests are counted for keys, users and teams; limit the tokens, the cost or the open jobs of a repository",
        ));
    }
    Ok(Limit {
        scope,
        unit,
        window_seconds: i64::from(request.window_seconds),
        quota: i64::try_from(request.quota).unwrap_or(i64::MAX),
    })
}

fn written(limit: &Limit) -> api::Limit {
    api::Limit {
        scope: limit.scope.to_string(),
        unit: limit.unit.as_str().to_owned(),
        window_seconds: u32::try_from(limit.window_seconds).unwrap_or_default(),
        quota: u64::try_from(limit.quota).unwrap_or_default(),
    }
}
