//! `tenon context`: what of a repository a wish would put before a model, and why.

use console::style;
use serde_json::json;
use tenon_config::Overrides;
use tenon_context::Index;

use crate::arguments::ContextArguments;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// `tenon context QUERY`.
pub async fn run(arguments: ContextArguments) -> Result<Exit, Failure> {
    let repository = composition::repository(&arguments.repo)?;
    let settings = composition::settings(Some(&repository.root), &Overrides::default())?;
    let output = Output::new(false, settings.no_color);
    if arguments.query.trim().is_empty() {
        return Err(Failure::new(Exit::Usage, "the query is empty").with_help("say what you would ask for"));
    }
    let index = Index::open(&repository.root, &settings.cache_folder)
        .map_err(|error| Failure::new(Exit::Missing, error.to_string()))?;
    let snippets = index.search(&arguments.query, arguments.limit);
    let (files, symbols) = index.size();
    if arguments.json {
        output.json(
            &json!({ "files": files, "symbols": symbols, "cut": index.is_cut(), "snippets": snippets }),
        );
        return Ok(Exit::Success);
    }
    for snippet in &snippets {
        let symbol = snippet
            .symbol
            .as_deref()
            .map(|symbol| format!(" {symbol}"))
            .unwrap_or_default();
        let (first, last) = snippet.lines;
        let heading = format!("{}:{first}-{last}{symbol}", snippet.path);
        let reasons = format!("score {:.2}: {}", snippet.score, snippet.reasons.join("; "));
        output.result(&format!("{}  {}", style(heading).bold(), style(reasons).dim()));
        for line in snippet.text.lines() {
            output.result(&format!("    {line}"));
        }
    }
    output.say(&format!(
        "{files} files, {symbols} symbols; {} read again",
        index.reread()
    ));
    if index.is_cut() {
        output.say("the repository is larger than the index: only a part of it was looked at");
    }
    if snippets.is_empty() {
        output.say("nothing fits; use words that stand in the code");
    }
    Ok(Exit::Success)
}
