//! What may be spent, and what was: one ledger for every door.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::announcement::announce_limit;
use super::session::{Row, Session, json, unreadable, values};
use super::spending::{Spending, spend};
use super::{Database, DatabaseError, Durability, Reserved};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitUnit {
    /// Requests.
    Requests,
    /// Tokens read and written by models.
    Tokens,
    /// Millionths of a dollar.
    CostMicros,
    /// Open jobs at the same time; its window is 0.
    Concurrency,
}

impl LimitUnit {
    /// Every unit.
    pub const ALL: [Self; 4] = [Self::Requests, Self::Tokens, Self::CostMicros, Self::Concurrency];

    /// The name in the store and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::CostMicros => "cost_micros",
            Self::Concurrency => "concurrency",
        }
    }
}

impl fmt::Display for LimitUnit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A word that is no unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be limited: requests, tokens, cost_micros and concurrency can")]
pub struct UnknownLimitUnit(String);

impl FromStr for LimitUnit {
    type Err = UnknownLimitUnit;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|unit| unit.as_str() == text)
            .ok_or_else(|| UnknownLimitUnit(text.to_owned()))
    }
}

/// Whom a limit holds for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LimitScope {
    /// A key, by id.
    Key(String),
    /// A person or service account, by name.
    User(String),
    /// A team, by name, all of it together.
    Team(String),
    /// A repository, by name.
    Repository(String),
    /// Every person and service account for themselves, who has no limit of this unit of their own.
    EachUser,
}

impl fmt::Display for LimitScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(formatter, "key:{id}"),
            Self::User(name) => write!(formatter, "user:{name}"),
            Self::Team(name) => write!(formatter, "team:{name}"),
            Self::Repository(name) => write!(formatter, "repository:{name}"),
            Self::EachUser => formatter.write_str("each:user"),
        }
    }
}

/// Text that names nobody whom a limit could hold for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no scope of a limit: key:ID, user:NAME, team:NAME, repository:NAME and each:user are")]
pub struct UnknownLimitScope(String);

impl FromStr for LimitScope {
    type Err = UnknownLimitScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || UnknownLimitScope(text.to_owned());
        let (kind, name) = text
            .split_once(':')
            .filter(|(_, name)| !name.is_empty())
            .ok_or_else(wrong)?;
        let name = name.to_owned();
        match kind {
            "key" => Ok(Self::Key(name)),
            "user" => Ok(Self::User(name)),
            "team" => Ok(Self::Team(name)),
            "repository" => Ok(Self::Repository(name)),
            "each" if name == "user" => Ok(Self::EachUser),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for LimitScope {
    type Error = UnknownLimitScope;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<LimitScope> for String {
    fn from(scope: LimitScope) -> Self {
        scope.to_string()
    }
}

/// How much of something may be spent in a window of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Whom it holds for.
    pub scope: LimitScope,
    /// What is counted.
    pub unit: LimitUnit,
    /// The window, in seconds; it begins with the first use.
    pub window_seconds: i64,
    /// How much.
    pub quota: i64,
}

/// What is about to be spent, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The limit it counts against.
    pub limit: Limit,
    /// Whose share it is, where each has one: the scope as it is counted.
    pub counted: String,
    /// How much.
    pub amount: i64,
}

/// A window that has not enough left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded {
    /// The limit.
    pub limit: Limit,
    /// When the window ends, in milliseconds since 1970.
    pub resets_at_ms: i64,
}

/// What was reserved came to something else, and this is what it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// By how much more, or less, than was reserved.
    pub corrections: Vec<Charge>,
    /// When it was reserved, in milliseconds since 1970.
    pub reserved_at_ms: i64,
    /// What was spent, if anything was.
    pub spending: Option<Spending>,
}

/// How much of a limit is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// The limit.
    pub limit: Limit,
    /// How much is used.
    pub used: i64,
    /// When the window ends, in milliseconds since 1970.
    pub resets_at_ms: i64,
}

impl UsageRow {
    /// What is left.
    pub fn remaining(&self) -> i64 {
        self.limit.quota.saturating_sub(self.used).max(0)
    }

    /// The last mark that the use has passed.
    pub fn mark(&self) -> i64 {
        mark(self.used, self.limit.quota)
    }
}

/// How far a limit is used, in hundredths, when somebody is told.
const MARKS: [i64; 3] = [100, 80, 50];

fn mark(used: i64, quota: i64) -> i64 {
    let reached = |mark: &&i64| i128::from(used) * 100 >= i128::from(quota) * i128::from(**mark);
    MARKS.iter().find(reached).copied().unwrap_or_default()
}

impl Database {
    /// Every limit.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn limits(&self) -> Result<Vec<Limit>, DatabaseError> {
        let mut session = self.read().await?;
        let statement =
            "SELECT scope, unit, window_seconds, quota FROM limits ORDER BY scope, unit, window_seconds";
        let rows = session.all(statement, values![]).await?;
        let limits = rows.iter().map(|row| {
            Ok(Limit {
                scope: row.parsed("scope")?,
                unit: row.parsed("unit")?,
                window_seconds: row.integer("window_seconds")?,
                quota: row.integer("quota")?,
            })
        });
        limits.collect()
    }

    /// Sets a limit, in place of the one of the same scope, unit and window.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn set_limit(&self, limit: &Limit) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        session
            .run(
                "INSERT INTO limits (scope, unit, window_seconds, quota) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (scope, unit, window_seconds) DO UPDATE SET quota = excluded.quota",
                values![
                    limit.scope.to_string(),
                    limit.unit.as_str(),
                    limit.window_seconds,
                    limit.quota
                ],
            )
            .await?;
        session.commit().await
    }

    /// Lifts a limit; whether there was one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn lift_limit(
        &self,
        scope: &LimitScope,
        unit: LimitUnit,
        window_seconds: i64,
    ) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        let lifted = session
            .run(
                "DELETE FROM limits WHERE scope = $1 AND unit = $2 AND window_seconds = $3",
                values![scope.to_string(), unit.as_str(), window_seconds],
            )
            .await?;
        session.commit().await?;
        Ok(lifted > 0)
    }

    /// How much is used of what is counted under these scopes, in the windows that run.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn used(&self, now_ms: i64) -> Result<Vec<(String, LimitUnit, i64, i64)>, DatabaseError> {
        let mut session = self.read().await?;
        let rows = session
            .all(
                "SELECT scope, unit, window_seconds, used FROM usage WHERE window_start + window_seconds * 1000 > $1",
                values![now_ms],
            )
            .await?;
        let used = rows.iter().map(|row| {
            Ok((
                row.text("scope")?,
                row.parsed("unit")?,
                row.integer("window_seconds")?,
                row.integer("used")?,
            ))
        });
        used.collect()
    }

    /// Takes every charge of every list by one statement, where that can be done and all of them fit; else takes none.
    pub(super) async fn reserve_at_once(
        &self,
        lists: &[(&[Charge], i64)],
    ) -> Result<Option<Vec<Reserved>>, DatabaseError> {
        let now_ms = lists.iter().map(|(_, now_ms)| *now_ms).max().unwrap_or_default();
        let latest_ms = now_ms.saturating_add(AHEAD_MS);
        let mut places: BTreeMap<Place<'_>, (&Charge, i64)> = BTreeMap::new();
        let mut sums: BTreeMap<Place<'_>, (i64, i64)> = BTreeMap::new();
        for charge in lists.iter().flat_map(|(charges, _)| *charges) {
            let quota = charge.limit.quota;
            places.insert(place(charge), (charge, now_ms));
            let (amount, least) = sums.entry(place(charge)).or_insert((0, quota));
            *amount = amount.saturating_add(charge.amount);
            *least = quota.min(*least);
        }
        let asked: Vec<_> = sums
            .iter()
            .map(|((counted, unit, window_seconds), (amount, quota))| {
                (counted, unit, window_seconds, amount, quota, now_ms, latest_ms)
            })
            .collect();
        let rows = self.write_at_once(TAKE, values![json("usage", &asked)?]).await?;
        let Some(rows) = rows.filter(|rows| rows.len() == sums.len()) else {
            return Ok(None);
        };
        let mut windows = Windows::new();
        for row in &rows {
            let found = find(sums.keys().copied(), row)?;
            windows.insert(found, Window::read(row)?);
        }
        let is_passed = |(place, window)| {
            let charge = places.get(place);
            charge.is_some_and(|(charge, _)| passed(charge, window).is_some())
        };
        if windows.iter().any(is_passed) {
            // Whom that does not reach now is told by the next reservation.
            let _ = self.tell_marks(&windows, &places).await;
        }
        for (place, window) in &mut windows {
            window.used -= sums.get(place).map_or(0, |(amount, _)| *amount);
        }
        let mut reserved = Vec::with_capacity(lists.len());
        for (charges, now_ms) in lists {
            let taken = take(&windows, charges, *now_ms)?;
            let taken = taken.map(|(after, rows)| {
                windows.extend(after);
                rows
            });
            reserved.push(taken.map_err(|refused| refused.exceeded));
        }
        Ok(Some(reserved))
    }

    async fn tell_marks(
        &self,
        windows: &Windows<'_>,
        places: &BTreeMap<Place<'_>, (&Charge, i64)>,
    ) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        tell_all(&mut session, windows, places).await?;
        session.commit().await
    }

    /// Tells that a limit is used up, the first time that it is in the way.
    pub(super) async fn tell_refused(&self, refused: &Refused, now_ms: i64) -> Result<(), DatabaseError> {
        if !refused.is_first {
            return Ok(());
        }
        let mut session = self.write().await?;
        let limit = &refused.exceeded.limit;
        tell(&mut session, limit, &refused.counted, refused.used, 100, now_ms).await?;
        session.commit().await
    }

    /// Settles everything of the list, in one transaction, which a power cut may undo for a second.
    ///
    /// # Errors
    /// When the database does not answer; then nothing was settled.
    pub async fn settle_all(&self, settlements: &[Settlement], now_ms: i64) -> Result<(), DatabaseError> {
        let mut session = self.write_with(Durability::Deferred).await?;
        let corrections = settlements.iter().flat_map(|settlement| {
            let at = settlement.reserved_at_ms;
            settlement.corrections.iter().map(move |charge| (charge, at))
        });
        settle(&mut session, corrections.collect(), now_ms).await?;
        let spending = settlements.iter().filter_map(|one| one.spending.clone());
        spend(&mut session, spending.collect(), now_ms).await?;
        session.commit().await
    }
}

/// A reservation that did not fit.
#[derive(Debug)]
pub(super) struct Refused {
    pub exceeded: Exceeded,
    counted: String,
    used: i64,
    /// Whether the window is as good as used up, and nobody was told yet.
    is_first: bool,
}

/// Only what is spent is worth a word: requests come back by themselves within a minute or so.
fn is_told(unit: LimitUnit) -> bool {
    matches!(unit, LimitUnit::Tokens | LimitUnit::CostMicros)
}

/// Tells that the window is used up to this mark, once.
async fn tell(
    session: &mut Session,
    limit: &Limit,
    counted: &str,
    used: i64,
    mark: i64,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let told = session
        .run(
            "UPDATE usage SET warned = $4 WHERE scope = $1 AND unit = $2 AND window_seconds = $3 AND warned < $4",
            values![counted, limit.unit.as_str(), limit.window_seconds, mark],
        )
        .await?;
    match told {
        0 => Ok(()),
        _ => announce_limit(session, limit, counted, used, mark, now_ms).await,
    }
}

/// Where a charge is counted.
type Place<'charge> = (&'charge str, LimitUnit, i64);

/// The same order for everybody, so that two that share rows never wait for each other.
fn place(charge: &Charge) -> Place<'_> {
    (&charge.counted, charge.limit.unit, charge.limit.window_seconds)
}

/// Corrections, each with the time of its reservation.
pub(super) async fn settle(
    session: &mut Session,
    corrections: Vec<(&Charge, i64)>,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    if corrections.is_empty() {
        return Ok(());
    }
    let charges = corrections
        .iter()
        .map(|(charge, _)| (place(charge), (*charge, now_ms)));
    let places: BTreeMap<Place<'_>, _> = charges.collect();
    let mut windows = hold(session, &places).await?;
    // What a window holds that ended meanwhile is no longer of interest.
    windows.retain(|(_, _, window_seconds), window| window.end_ms(*window_seconds) > now_ms);
    for (charge, reserved_at_ms) in corrections {
        if let Some(window) = windows.get_mut(&place(charge)) {
            // What was reserved in an earlier window is not given back in this one.
            if charge.amount >= 0 || window.start_ms <= reserved_at_ms {
                window.used = window.used.saturating_add(charge.amount).max(0);
            }
        }
    }
    write(session, &windows).await?;
    tell_all(session, &windows, &places).await
}

/// The mark that the window has passed, when nobody was told of it yet.
fn passed(charge: &Charge, window: &Window) -> Option<i64> {
    let mark = mark(window.used, charge.limit.quota);
    (is_told(charge.limit.unit) && mark > window.warned).then_some(mark)
}

/// Tells of every mark that was passed.
async fn tell_all(
    session: &mut Session,
    windows: &Windows<'_>,
    places: &BTreeMap<Place<'_>, (&Charge, i64)>,
) -> Result<(), DatabaseError> {
    for (place, window) in windows {
        if let Some((charge, now_ms)) = places.get(place)
            && let Some(mark) = passed(charge, window)
        {
            tell(
                session,
                &charge.limit,
                &charge.counted,
                window.used,
                mark,
                *now_ms,
            )
            .await?;
        }
    }
    Ok(())
}

/// Takes every charge of the list, or none: then nothing of this transaction must be kept.
pub(super) async fn reserve(
    session: &mut Session,
    charges: &[Charge],
    now_ms: i64,
) -> Result<Result<Vec<UsageRow>, Refused>, DatabaseError> {
    let mut reserved = reserve_each(session, &[(charges, now_ms)]).await?;
    Ok(reserved.pop().unwrap_or_else(|| Ok(Vec::new())))
}

/// Takes every charge of a list or none, one list after the other, each at its time.
pub(super) async fn reserve_each(
    session: &mut Session,
    lists: &[(&[Charge], i64)],
) -> Result<Vec<Result<Vec<UsageRow>, Refused>>, DatabaseError> {
    let charges = lists
        .iter()
        .flat_map(|(charges, now_ms)| charges.iter().map(|charge| (place(charge), (charge, *now_ms))));
    let places: BTreeMap<Place<'_>, _> = charges.collect();
    let mut windows = hold(session, &places).await?;
    let mut reserved = Vec::with_capacity(lists.len());
    let mut changed = BTreeSet::new();
    for (charges, now_ms) in lists {
        let taken = take(&windows, charges, *now_ms)?;
        reserved.push(taken.map(|(after, rows)| {
            changed.extend(after.keys().copied());
            windows.extend(after);
            rows
        }));
    }
    windows.retain(|place, _| changed.contains(place));
    write(session, &windows).await?;
    tell_all(session, &windows, &places).await?;
    Ok(reserved)
}

type Windows<'charges> = BTreeMap<Place<'charges>, Window>;

macro_rules! as_it_is {
    () => {
        "ON CONFLICT (scope, unit, window_seconds) DO UPDATE SET used = usage.used \
         RETURNING scope, unit, window_seconds, used, window_start, warned"
    };
}

macro_rules! replaced {
    () => {
        "ON CONFLICT (scope, unit, window_seconds) DO UPDATE SET used = excluded.used, \
         window_start = excluded.window_start, warned = excluded.warned"
    };
}

/// Takes what is asked where all of it fits, and says what the windows are then. What was begun by a clock that was wrong
/// begins anew, as what is over does.
const TAKE: &str = concat!(
    "PRAGMA synchronous = NORMAL; \
     WITH asked AS (SELECT value ->> 0 AS scope, value ->> 1 AS unit, value ->> 2 AS window_seconds, \
     value ->> 3 AS amount, value ->> 4 AS quota, value ->> 5 AS now, value ->> 6 AS latest FROM json_each($1)), \
     held AS (SELECT asked.*, used, window_start, warned, window_start + window_seconds * 1000 > now \
     AND window_start <= latest AS runs FROM asked LEFT JOIN usage USING (scope, unit, window_seconds)), \
     after AS MATERIALIZED (SELECT scope, unit, window_seconds, iif(runs, window_start, now) AS window_start, \
     iif(runs, used, 0) + amount AS used, iif(runs, warned, 0) AS warned, quota FROM held) \
     INSERT INTO usage (scope, unit, window_seconds, window_start, used, warned) \
     SELECT scope, unit, window_seconds, window_start, used, warned FROM after \
     WHERE NOT EXISTS (SELECT 1 FROM after WHERE used > quota) ",
    replaced!(),
    " RETURNING scope, unit, window_seconds, used, window_start, warned"
);

/// The windows of these places, which nobody else changes before the end of the transaction: one statement, since each is
/// a way to another thread and back.
async fn hold<'charges>(
    session: &mut Session,
    places: &BTreeMap<Place<'charges>, (&Charge, i64)>,
) -> Result<Windows<'charges>, DatabaseError> {
    let asked: Vec<_> = places
        .iter()
        .map(|((counted, unit, window_seconds), (_, now_ms))| (counted, unit, window_seconds, now_ms))
        .collect();
    let statement = session.either(
        concat!(
            "INSERT INTO usage (scope, unit, window_seconds, window_start, used) \
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, 0 FROM json_each($1) WHERE true ",
            as_it_is!()
        ),
        concat!(
            "INSERT INTO usage (scope, unit, window_seconds, window_start, used) \
             SELECT value ->> 0, value ->> 1, (value ->> 2)::BIGINT, (value ->> 3)::BIGINT, 0 \
             FROM json_array_elements($1::json) ",
            as_it_is!()
        ),
    );
    let rows = session.all(statement, values![json("usage", &asked)?]).await?;
    let mut windows = Windows::new();
    for row in &rows {
        windows.insert(find(places.keys().copied(), row)?, Window::read(row)?);
    }
    Ok(windows)
}

/// Which of these places a row is of.
fn find<'charges>(
    mut places: impl Iterator<Item = Place<'charges>>,
    row: &Row,
) -> Result<Place<'charges>, DatabaseError> {
    let (counted, unit) = (row.text("scope")?, row.parsed("unit")?);
    let found = (counted.as_str(), unit, row.integer("window_seconds")?);
    let place = places.find(|place| *place == found);
    place.ok_or_else(|| unreadable("scope", "a window that nobody asked for"))
}

async fn write(session: &mut Session, windows: &Windows<'_>) -> Result<(), DatabaseError> {
    if windows.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = windows
        .iter()
        .map(|((counted, unit, window_seconds), window)| {
            let Window {
                used,
                start_ms,
                warned,
            } = window;
            (counted, unit, window_seconds, start_ms, used, warned)
        })
        .collect();
    let statement = session.either(
        concat!(
            "INSERT INTO usage (scope, unit, window_seconds, window_start, used, warned) SELECT value ->> 0, \
             value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each($1) WHERE true ",
            replaced!()
        ),
        concat!(
            "INSERT INTO usage (scope, unit, window_seconds, window_start, used, warned) SELECT value ->> 0, \
             value ->> 1, (value ->> 2)::BIGINT, (value ->> 3)::BIGINT, (value ->> 4)::BIGINT, (value ->> 5)::BIGINT \
             FROM json_array_elements($1::json) ",
            replaced!()
        ),
    );
    session
        .run(statement, values![json("usage", &rows)?])
        .await
        .map(drop)
}

/// What the windows are after these charges, if they have room.
fn take<'charges>(
    windows: &Windows<'charges>,
    charges: &'charges [Charge],
    now_ms: i64,
) -> Result<Result<(Windows<'charges>, Vec<UsageRow>), Refused>, DatabaseError> {
    let mut ordered: Vec<&Charge> = charges.iter().collect();
    ordered.sort_by(|a, b| place(a).cmp(&place(b)));
    let mut after = Windows::new();
    let mut rows = Vec::with_capacity(ordered.len());
    for charge in ordered {
        let held = after.get(&place(charge)).or_else(|| windows.get(&place(charge)));
        let held = held.ok_or_else(|| unreadable("used", "a window that is not held"))?;
        let mut window = held.at(charge.limit.window_seconds, now_ms);
        let limit = charge.limit.clone();
        let resets_at_ms = window.end_ms(limit.window_seconds);
        let used = window.used.saturating_add(charge.amount);
        if used > limit.quota {
            return Ok(Err(Refused {
                counted: charge.counted.clone(),
                used: window.used,
                is_first: is_told(limit.unit) && window.warned < 100 && mark(window.used, limit.quota) > 50,
                exceeded: Exceeded { limit, resets_at_ms },
            }));
        }
        window.used = used;
        after.insert(place(charge), window);
        rows.push(UsageRow {
            limit,
            used,
            resets_at_ms,
        });
    }
    Ok(Ok((after, rows)))
}

/// A window of time that has begun.
#[derive(Debug, Clone, Copy)]
struct Window {
    used: i64,
    start_ms: i64,
    warned: i64,
}

/// A window that begins so much later than now was begun by a clock that was wrong: it might not end for years.
const AHEAD_MS: i64 = 60_000;

impl Window {
    fn read(row: &Row) -> Result<Self, DatabaseError> {
        Ok(Self {
            used: row.integer("used")?,
            start_ms: row.integer("window_start")?,
            warned: row.integer("warned")?,
        })
    }

    fn end_ms(&self, window_seconds: i64) -> i64 {
        self.start_ms.saturating_add(window_seconds.saturating_mul(1000))
    }

    /// The same at this time: one that is over begins anew.
    fn at(self, window_seconds: i64, now_ms: i64) -> Self {
        let is_over = self.end_ms(window_seconds) <= now_ms;
        match is_over || self.start_ms > now_ms.saturating_add(AHEAD_MS) {
            true => Self {
                used: 0,
                start_ms: now_ms,
                warned: 0,
            },
            false => self,
        }
    }
}
