//! `tenon config`: the settings in force and where each comes from.

use tenon_config::Overrides;

use crate::arguments::JsonArguments;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// `tenon config`.
pub fn run(arguments: &JsonArguments) -> Result<Exit, Failure> {
    let root = composition::repository(std::path::Path::new("."))?.root;
    let settings = composition::settings(Some(&root), &Overrides::default())?;
    let output = Output::new(false, settings.no_color);
    let explained = settings.explain();
    if arguments.json {
        output.json(&explained);
        return Ok(Exit::Success);
    }
    let width = |of: fn(&tenon_config::ExplainedSetting) -> &str| {
        explained
            .iter()
            .map(|setting| of(setting).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (keys, values) = (
        width(|setting| &setting.key),
        width(|setting| &setting.value).min(48),
    );
    let lines = explained.iter().map(|setting| {
        format!(
            "{:keys$}  {:values$}  {}\n",
            setting.key, setting.value, setting.origin
        )
    });
    output.result(&lines.collect::<String>());
    Ok(Exit::Success)
}
