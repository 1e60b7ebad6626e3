//! `tenon spending`: what models read and wrote, and what it cost.

use std::collections::BTreeMap;

use tenon_api::{Spending, SpendingReport};

use crate::arguments::{SpendingArguments, SpendingBy};
use crate::failure::{Exit, Failure};
use crate::server_client::asking;

#[derive(Default)]
struct Sum {
    answers: u64,
    unreported: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    unpriced: u64,
    cost_micros: u64,
}

/// `tenon spending`.
pub async fn run(arguments: SpendingArguments) -> Result<Exit, Failure> {
    let asking = asking(&arguments.server)?;
    let path = format!("/spending?days={}", arguments.days);
    let report: SpendingReport = asking.client.get(&path).await?;
    if asking.json {
        asking.output.json(&report);
        return Ok(Exit::Success);
    }
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    for row in &report.spending {
        add(sums.entry(name(row, arguments.by)).or_default(), row);
    }
    for (name, sum) in &sums {
        asking.output.result(&line(name, sum));
    }
    if sums.is_empty() {
        asking
            .output
            .say(&format!("nothing was spent in {} days", report.days));
    }
    Ok(Exit::Success)
}

fn name(row: &Spending, by: SpendingBy) -> String {
    match by {
        SpendingBy::User => row.user.clone(),
        SpendingBy::Team => row.team.clone().unwrap_or_else(|| "(no team)".to_owned()),
        SpendingBy::Model => row.model.clone(),
        SpendingBy::Door => row.door.clone(),
        SpendingBy::Day => row.day.clone(),
    }
}

fn add(sum: &mut Sum, row: &Spending) {
    sum.answers += row.answers;
    sum.unreported += row.unreported;
    sum.prompt_tokens += row.prompt_tokens;
    sum.completion_tokens += row.completion_tokens;
    sum.unpriced += row.unpriced;
    sum.cost_micros += row.cost_micros;
}

fn line(name: &str, sum: &Sum) -> String {
    let mut line = format!(
        "{name}  {} answers, {} tokens read, {} written, {} dollars",
        sum.answers,
        sum.prompt_tokens,
        sum.completion_tokens,
        dollars(sum.cost_micros)
    );
    if sum.unreported > 0 {
        line.push_str(&format!("; {} did not report their tokens", sum.unreported));
    }
    if sum.unpriced > 0 {
        line.push_str(&format!("; {} have no known price", sum.unpriced));
    }
    line
}

/// To the cent, and further where that would hide that something was spent.
fn dollars(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    let zeros = text.bytes().rev().take_while(|byte| *byte == b'0').count();
    let keep = text.len() - zeros.min(4);
    text.get(..keep).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_shown_to_the_cent_or_further() {
        let shown = [0, 1, 10_000, 123_456, 2_500_000].map(dollars);
        assert_eq!(shown, ["0.00", "0.000001", "0.01", "0.123456", "2.50"]);
    }
}
