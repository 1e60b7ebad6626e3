//! `tenon lsp`: completions and errands in an editor.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tenon_client::SuggestionEvent;
use tenon_config::{Overrides, Settings};
use tenon_context::Index;
use tenon_domain::{Intent, Proposal};
use tenon_engine::{Completer, Engine, Observer, Verification};
use tenon_lsp::{Engineer, Open, Outcome, SuggestionReport, Tell, Workplace};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::proposals;
use crate::arguments::LspArguments;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::{composition, server_client};

/// `tenon lsp`.
pub async fn run(arguments: LspArguments) -> Result<Exit, Failure> {
    let runtime = Handle::current();
    let opening = runtime.clone();
    let model = arguments.model;
    let open: Arc<Open> = Arc::new(move |root, before| open(root, before, model.as_deref(), &opening));
    let tell = match arguments.report {
        true => reporter(&composition::settings(None, &Overrides::default())?),
        false => None,
    };
    let served = tokio::task::spawn_blocking(move || tenon_lsp::serve_stdio(&runtime, open, tell));
    let served = served
        .await
        .map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
    match served {
        Ok(()) => Ok(Exit::Success),
        Err(error) => Err(Failure::new(Exit::Usage, error.to_string())
            .with_help("this command is started by an editor; `tenon complete` completes from a terminal")),
    }
}

/// What somebody who types must never wait for: more than so many that are not sent yet are not sent.
const UNSENT: usize = 64;

/// Tells the configured server what becomes of suggestions. Where none can be told, that is said, and no reason not to
/// complete.
fn reporter(settings: &Settings) -> Option<Arc<Tell>> {
    let output = Output::new(false, settings.no_color);
    let uncounted =
        |why: &dyn std::fmt::Display| format!("what becomes of suggestions is not counted: {why}");
    let client = match server_client::client(settings, None, None) {
        Ok(client) => client,
        Err(failure) => {
            output.problem(&uncounted(&failure));
            return None;
        }
    };
    let (events, mut unsent) = mpsc::channel::<SuggestionEvent>(UNSENT);
    tokio::spawn(async move {
        let mut has_failed = false;
        while let Some(event) = unsent.recv().await {
            let told = client.tell(&event).await;
            if let Err(error) = &told
                && !has_failed
            {
                output.problem(&uncounted(error));
            }
            has_failed = told.is_err();
        }
    });
    Some(Arc::new(move |report: &SuggestionReport| {
        let _ = events.try_send(SuggestionEvent {
            kind: match report.outcome {
                Outcome::Taken | Outcome::TakenPartly => "select",
                Outcome::Typed => "typed",
                Outcome::Dismissed => "dismiss",
            },
            completion_id: report.id.clone(),
            choice_index: report.index,
            elapsed: report.milliseconds,
            is_part: report.outcome == Outcome::TakenPartly,
        });
    }))
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
            // A model that does both is loaded once.
            let opened = runtime.block_on(composition::completing_and_engine(&settings, model));
            let (completing, engine) = opened.map_err(said)?;
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
