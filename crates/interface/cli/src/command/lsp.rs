//! `tenon lsp`: completions in an editor.

use std::path::Path;
use std::sync::Arc;

use tenon_config::Overrides;
use tenon_context::Index;
use tenon_engine::Completer;
use tenon_lsp::Open;
use tokio::runtime::Handle;

use crate::arguments::LspArguments;
use crate::composition;
use crate::failure::{Exit, Failure};

/// `tenon lsp`.
pub async fn run(arguments: LspArguments) -> Result<Exit, Failure> {
    let runtime = Handle::current();
    let overrides = Overrides {
        models: arguments.model.into_iter().collect(),
        ..Overrides::default()
    };
    let opening = runtime.clone();
    let open: Arc<Open> = Arc::new(move |root, before| open(root, before, &overrides, &opening));
    let served = tokio::task::spawn_blocking(move || tenon_lsp::serve_stdio(&runtime, open));
    let served = served
        .await
        .map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
    match served {
        Ok(()) => Ok(Exit::Success),
        Err(error) => Err(Failure::new(Exit::Usage, error.to_string())
            .with_help("this command is started by an editor; `tenon complete` completes from a terminal")),
    }
}

fn open(
    root: &Path,
    before: Option<Arc<Completer>>,
    overrides: &Overrides,
    runtime: &Handle,
) -> Result<Arc<Completer>, String> {
    let settings = composition::settings(Some(root), overrides).map_err(|failure| failure.to_string())?;
    let completer = match before {
        Some(completer) => completer,
        None => {
            let name = settings.models.first().ok_or("no model is configured")?;
            let model = composition::model(&settings, name).map_err(|failure| failure.to_string())?;
            let completer = Arc::new(Completer::new(model, root));
            runtime
                .block_on(completer.warm_up())
                .map_err(|error| error.to_string())?;
            completer
        }
    };
    // Without an index, signatures come from what is open alone.
    if let Ok(index) = Index::open(root, &settings.cache_folder) {
        completer.use_index(Arc::new(index));
    }
    Ok(completer)
}
