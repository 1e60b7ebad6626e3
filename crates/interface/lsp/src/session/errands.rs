//! Errands: longer work that an action hands to the engine, and the commands behind items and actions.

use std::sync::Arc;

use gen_lsp_types::{CodeActionParams, ExecuteCommandParams};
use lsp_server::{ErrorCode, Request, Response};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Opened, Session, lock, notify, parameters};
use crate::action::{Errand, actions, is_wanted};
use crate::delivery::{Delivery, ERROR, WARNING};
use crate::document::Document;
use crate::errand::{Engineer, Progress};
use crate::message::{RUN_COMMAND, TAKEN_COMMAND};

impl Session {
    /// What can be done at a place.
    pub(super) fn offer(&self, request: Request) -> Result<(), (ErrorCode, String)> {
        let parameters: CodeActionParams = parameters(request.params)?;
        let diagnostics: Vec<Value> = parameters
            .context
            .diagnostics
            .iter()
            .map(|diagnostic| json!(diagnostic))
            .collect();
        let documents = lock(&self.documents);
        let document = documents
            .get(&parameters.text_document.uri)
            .filter(|document| document.is_inside);
        let offered = document.and_then(|document| {
            let offset = document.offset(parameters.range.start, self.encoding)?;
            Some(actions(&document.path, &document.text, offset, &diagnostics))
        });
        // Whoever runs one before the folder is read waits for it.
        let has_engineer = match &*self.opened.borrow() {
            None => true,
            Some(opened) => matches!(opened, Ok(workplace) if workplace.engineer.is_some()),
        };
        let only = parameters.context.only.as_ref();
        let only = only.and_then(|only| serde_json::from_value::<Vec<String>>(json!(only)).ok());
        let mut offered = offered.filter(|_| has_engineer).unwrap_or_default();
        offered.retain(|action| is_wanted(action, only.as_deref()));
        let _ = self.out.send(Response::new_ok(request.id, json!(offered)).into());
        Ok(())
    }

    /// Begins an errand. Its outcome is told by messages; what changes is applied by the editor.
    fn run(&mut self, errand: &Errand) -> Result<(), (ErrorCode, String)> {
        let refused = |message: &str| (ErrorCode::RequestFailed, message.to_owned());
        if !lock(&self.errands).is_empty() {
            return Err(refused(
                "another errand is still running; cancel it or wait for it",
            ));
        }
        let saved = std::fs::read_to_string(self.root.join(errand.path.as_str()));
        let is_saved = |document: &Document| saved.as_ref().is_ok_and(|saved| saved == &document.text);
        if lock(&self.documents)
            .values()
            .any(|document| document.is_inside && document.path == errand.path && !is_saved(document))
        {
            return Err(refused(&format!(
                "save {} first: Tenon works on files as they are on disk",
                errand.path
            )));
        }
        let token = format!("tenon-errand-{}", self.tick());
        let stop = CancellationToken::new();
        lock(&self.errands).insert(token.clone(), stop.clone());
        let intent = errand.intent();
        let title = format!("Tenon: {}", intent.text);
        let delivery = Delivery {
            root: self.root.clone(),
            documents: Arc::clone(&self.documents),
            encoding: self.encoding,
            abilities: self.abilities,
            out: self.out.clone(),
        };
        let errands = Arc::clone(&self.errands);
        let shows_progress = self.shows_progress;
        let mut opened = self.opened.clone();
        self.runtime.spawn(async move {
            let progress = Progress::begin(delivery.out.clone(), shows_progress, &token, &title);
            let proposed = tokio::select! {
                engineer = engineer(&mut opened) => match engineer {
                    Ok(engineer) => engineer.propose(&intent, &progress, &stop).await,
                    Err(said) => Err(said),
                },
                () = stop.cancelled() => Err("cancelled".to_owned()),
            };
            lock(&errands).remove(&token);
            let (kind, message) = match proposed {
                Ok(proposal) => delivery.deliver(&proposal),
                Err(reason) => (ERROR, reason),
            };
            progress.end(&message);
            notify(
                &delivery.out,
                "window/showMessage",
                json!({ "type": kind, "message": format!("Tenon: {message}") }),
            );
        });
        Ok(())
    }

    /// `tenon.taken`: what comes next is prepared. `tenon.run`: an errand begins.
    pub(super) fn command(&mut self, request: Request) -> Result<(), (ErrorCode, String)> {
        let parameters: ExecuteCommandParams = parameters(request.params)?;
        if parameters.command == RUN_COMMAND {
            let errand = parameters
                .arguments
                .and_then(|arguments| arguments.into_iter().next());
            let errand = errand.and_then(|errand| serde_json::from_value::<Errand>(errand).ok());
            let errand = errand.ok_or((
                ErrorCode::InvalidParams,
                "the command carries no errand".to_owned(),
            ))?;
            // Some editors show no error of a command, and none shows a message twice.
            if let Err((_, message)) = self.run(&errand) {
                notify(
                    &self.out,
                    "window/showMessage",
                    json!({ "type": WARNING, "message": format!("Tenon: {message}") }),
                );
            }
            let _ = self.out.send(Response::new_ok(request.id, Value::Null).into());
            return Ok(());
        }
        if parameters.command != TAKEN_COMMAND {
            let message = format!("there is no command `{}`", parameters.command);
            return Err((ErrorCode::InvalidParams, message));
        }
        let arguments = json!(parameters.arguments);
        if let Some((id, index)) = shown_item(&arguments) {
            self.taken(id, index);
        }
        let _ = self.out.send(Response::new_ok(request.id, Value::Null).into());
        Ok(())
    }
}

/// Whoever works on errands, once the folder is read.
async fn engineer(opened: &mut watch::Receiver<Opened>) -> Result<Arc<dyn Engineer>, String> {
    let workplace = match opened.wait_for(Option::is_some).await.as_deref() {
        Ok(Some(opened)) => opened.clone()?,
        Ok(None) | Err(_) => return Err("the session is over".to_owned()),
    };
    let engineer = workplace.engineer;
    engineer.ok_or_else(|| "errands are not done here".to_owned())
}

/// The completion and the index of an item, from the arguments of its command.
pub(super) fn shown_item(arguments: &Value) -> Option<(&str, usize)> {
    let index = usize::try_from(arguments.get(1)?.as_u64()?).ok()?;
    Some((arguments.get(0)?.as_str()?, index))
}
