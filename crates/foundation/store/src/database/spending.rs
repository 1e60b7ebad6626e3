//! What models read and wrote, and what that cost: by day, by who asked, by the door and by the model.

use std::collections::BTreeMap;

use tenon_domain::{ModelReference, Price, PrincipalId};

use super::session::{Session, values};
use super::{Database, DatabaseError};

/// What one answer of a model came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spending {
    /// Who asked.
    pub principal: PrincipalId,
    /// What they asked through: `jobs`, or the path of a protocol.
    pub door: String,
    /// Who answered.
    pub model: String,
    /// Tokens that it read; `None` when not reported.
    pub prompt_tokens: Option<u64>,
    /// Tokens that it wrote; `None` when not reported.
    pub completion_tokens: Option<u64>,
    /// What its tokens cost; `None` when that is not known.
    pub price: Option<Price>,
}

impl Spending {
    /// The answer of this model.
    pub fn of(
        principal: PrincipalId,
        door: &str,
        model: &ModelReference,
        prompt_tokens: Option<u32>,
        completion_tokens: Option<u32>,
    ) -> Self {
        Self {
            principal,
            door: door.to_owned(),
            model: model.name.clone(),
            prompt_tokens: prompt_tokens.map(u64::from),
            completion_tokens: completion_tokens.map(u64::from),
            price: model.price(),
        }
    }

    /// Both kinds of tokens, as far as they were reported.
    pub fn tokens(&self) -> u64 {
        let parts = [self.prompt_tokens, self.completion_tokens];
        parts.into_iter().flatten().sum()
    }

    /// What it cost in millionths of a US dollar; `None` when the price or the tokens are not known.
    pub fn cost_micros(&self) -> Option<u64> {
        let price = self.price?;
        match price == Price::FREE {
            true => Some(0),
            false => Some(price.of(self.prompt_tokens?, self.completion_tokens?)),
        }
    }
}

/// What somebody spent on one day, through one door, on one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendingRow {
    /// Midnight UTC, in milliseconds since 1970.
    pub day_ms: i64,
    /// The name of who asked; their id when they are gone.
    pub principal: String,
    /// Their team.
    pub team: Option<String>,
    /// What they asked through.
    pub door: String,
    /// Who answered.
    pub model: String,
    /// How many answers.
    pub answers: i64,
    /// How many of them did not report their tokens.
    pub unreported: i64,
    /// Tokens read.
    pub prompt_tokens: i64,
    /// Tokens written.
    pub completion_tokens: i64,
    /// How many answers have no known cost.
    pub unpriced: i64,
    /// What the others cost, in millionths of a US dollar.
    pub cost_micros: i64,
}

const DAY_MS: i64 = 86_400_000;

impl Database {
    /// What was spent since the day of `since_ms`, the newest day first; at most `limit` rows.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn spending(&self, since_ms: i64, limit: u32) -> Result<Vec<SpendingRow>, DatabaseError> {
        let mut session = self.read().await?;
        let rows = session
            .all(
                "SELECT s.day, COALESCE(p.name, s.principal) AS principal, p.team, s.door, s.model, s.answers, \
                 s.unreported, s.prompt_tokens, s.completion_tokens, s.unpriced, s.cost_micros FROM spending s \
                 LEFT JOIN principals p ON p.id = s.principal WHERE s.day >= $1 \
                 ORDER BY s.day DESC, principal, s.door, s.model LIMIT $2",
                values![since_ms.div_euclid(DAY_MS) * DAY_MS, limit],
            )
            .await?;
        let rows = rows.iter().map(|row| {
            Ok(SpendingRow {
                day_ms: row.integer("day")?,
                principal: row.text("principal")?,
                team: row.optional_text("team")?,
                door: row.text("door")?,
                model: row.text("model")?,
                answers: row.integer("answers")?,
                unreported: row.integer("unreported")?,
                prompt_tokens: row.integer("prompt_tokens")?,
                completion_tokens: row.integer("completion_tokens")?,
                unpriced: row.integer("unpriced")?,
                cost_micros: row.integer("cost_micros")?,
            })
        });
        rows.collect()
    }
}

#[derive(Default)]
struct Sum {
    answers: i64,
    unreported: i64,
    prompt_tokens: u64,
    completion_tokens: u64,
    unpriced: i64,
    cost_micros: u64,
}

/// Adds to what was spent, in an order that is the same for everybody.
pub(super) async fn spend(
    session: &mut Session,
    spending: Vec<Spending>,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let mut sums: BTreeMap<(String, String, String), Sum> = BTreeMap::new();
    for one in spending {
        let is_reported = one.prompt_tokens.is_some() && one.completion_tokens.is_some();
        let cost = one.cost_micros();
        let sum = sums
            .entry((one.principal.to_string(), one.door, one.model))
            .or_default();
        sum.answers += 1;
        sum.unreported += i64::from(!is_reported);
        sum.prompt_tokens += one.prompt_tokens.unwrap_or(0);
        sum.completion_tokens += one.completion_tokens.unwrap_or(0);
        sum.unpriced += i64::from(cost.is_none());
        sum.cost_micros = sum.cost_micros.saturating_add(cost.unwrap_or(0));
    }
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let day = now_ms.div_euclid(DAY_MS) * DAY_MS;
    for ((principal, door, model), sum) in sums {
        session
            .run(
                "INSERT INTO spending (day, principal, door, model, answers, unreported, prompt_tokens, \
                 completion_tokens, unpriced, cost_micros) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
                 ON CONFLICT (day, principal, door, model) DO UPDATE SET \
                 answers = spending.answers + excluded.answers, \
                 unreported = spending.unreported + excluded.unreported, \
                 prompt_tokens = spending.prompt_tokens + excluded.prompt_tokens, \
                 completion_tokens = spending.completion_tokens + excluded.completion_tokens, \
                 unpriced = spending.unpriced + excluded.unpriced, \
                 cost_micros = spending.cost_micros + excluded.cost_micros",
                values![
                    day,
                    principal,
                    door,
                    model,
                    sum.answers,
                    sum.unreported,
                    number(sum.prompt_tokens),
                    number(sum.completion_tokens),
                    sum.unpriced,
                    number(sum.cost_micros),
                ],
            )
            .await?;
    }
    Ok(())
}
