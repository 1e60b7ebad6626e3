//! `tenon replay-keys`: typing sessions, measured.

use std::sync::Arc;

use serde_json::json;
use tenon_config::Overrides;
use tenon_engine::Completer;
use tenon_eval::keys::{Against, Answered, Trace, replay_keys, report};

use crate::arguments::ReplayKeysArguments;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::Output;

/// `tenon replay-keys`.
pub async fn run(arguments: ReplayKeysArguments) -> Result<Exit, Failure> {
    let overrides = Overrides {
        models: arguments.model.into_iter().collect(),
        ..Overrides::default()
    };
    let settings = composition::settings(None, &overrides)?;
    let output = Output::new(false, settings.no_color);
    let traces: Result<Vec<Trace>, _> = arguments.traces.iter().map(|path| Trace::read(path)).collect();
    let traces = traces.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    let Some(name) = settings.models.first() else {
        return Err(Failure::new(Exit::Usage, "no model is configured").with_help("name one with --model"));
    };
    let model = composition::model(&settings, name)?;
    // The sessions' files are not here, and nothing of theirs is read but what they say.
    let folder = settings.cache_folder.join("replay-keys");
    std::fs::create_dir_all(&folder).map_err(|error| Failure::new(Exit::Missing, error.to_string()))?;
    let completer = Arc::new(Completer::new(Arc::clone(&model), &folder));
    let interrupt = Interrupt::watch();
    let typed = interrupt.token().run_until_cancelled(async {
        let ready = completer.warm_up().await;
        ready.map_err(|error| Failure::new(Exit::Missing, error.to_string()))?;
        let against = match arguments.plain {
            true => Against::Model(model),
            false => Against::Completer(Arc::clone(&completer)),
        };
        let mut answers = Vec::new();
        for (number, (trace, path)) in traces.iter().zip(&arguments.traces).enumerate() {
            output.say(&format!(
                "  {} of {}: {}",
                number + 1,
                traces.len(),
                path.display()
            ));
            answers.push(replay_keys(trace, &against).await);
        }
        Ok::<Vec<Vec<Answered>>, Failure>(answers)
    });
    let answers = typed
        .await
        .ok_or_else(|| Failure::new(Exit::Interrupted, "interrupted"))??;
    let report = report(traces.iter().zip(answers.iter().map(Vec::as_slice)));
    if arguments.json {
        output.json(&json!({ "report": report, "answers": answers }));
    } else {
        output.result(report.table().trim_end());
    }
    Ok(Exit::Success)
}
