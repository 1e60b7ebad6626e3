//! `tenon lsp`: completions and errands in an editor.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tenon_config::{Overrides, Settings};
use tenon_context::Index;
use tenon_domain::{Intent, Proposal};
use tenon_engine::{Completer, Engine, Observer, Verification};
use tenon_lsp::{Engineer, Open, Workplace};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::proposals;
use crate::arguments::LspArguments;
use crate::composition;
use crate::failure::{Exit, Failure};

/// `tenon lsp`.
pub async fn run(arguments: LspArguments) -> Result<Exit, Failure> {
    let runtime = Handle::current();
    let opening = runtime.clone();
    let model = arguments.model;
    let open: Arc<Open> = Arc::new(move |root, before| open(root, before, model.as_deref(), &opening));
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
    before: Option<Workplace>,
    model: Option<&str>,
    runtime: &Handle,
) -> Result<Workplace, String> {
    let said = |failure: Failure| failure.to_string();
    let settings = composition::settings(Some(root), &Overrides::default()).map_err(said)?;
    let workplace = match before {
        Some(workplace) => {
            workplace.completer.read_again();
            workplace
        }
        None => {
            let engine = runtime.block_on(composition::engine(&settings)).map_err(said)?;
            // One worker serves both: the model that completes is the first of the engine's, unless another is named.
            let completing = match model {
                Some(name) => composition::model(&settings, name).map_err(said)?,
                None => engine.models.first().cloned().ok_or("no model is configured")?,
            };
            let completer = Arc::new(Completer::new(completing, root));
            runtime
                .block_on(completer.warm_up())
                .map_err(|error| error.to_string())?;
            let errands = Errands {
                engine,
                settings: settings.clone(),
                root: root.to_owned(),
            };
            Workplace {
                completer,
                engineer: Some(Arc::new(errands)),
            }
        }
    };
    // Without an index, signatures come from what is open alone.
    if let Ok(index) = Index::open(root, &settings.cache_folder) {
        workplace.completer.use_index(Arc::new(index));
    }
    Ok(workplace)
}

struct Errands {
    engine: Engine,
    settings: Settings,
    root: std::path::PathBuf,
}

#[async_trait]
impl Engineer for Errands {
    async fn propose(
        &self,
        intent: &Intent,
        observer: &dyn Observer,
        stop: &CancellationToken,
    ) -> Result<Proposal, String> {
        let said = |failure: Failure| failure.to_string();
        let repository = composition::repository(&self.root).map_err(said)?;
        let proposed = self
            .engine
            .propose(&repository, intent, Verification::Full, observer, stop);
        let proposal = proposed.await.map_err(|error| error.to_string())?;
        let store = proposals::store(&self.settings).map_err(said)?;
        store.save(&proposal).map_err(|error| error.to_string())?;
        Ok(proposal)
    }
}
