//! Errands: longer work that an action hands to the engine, and the commands behind items and actions.

use std::sync::Arc;

use gen_lsp_types::{CodeActionParams, ExecuteCommandParams};
use lsp_server::{ErrorCode, Request, Response};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Session, lock, notify, parameters};
use crate::action::{Errand, actions};
use crate::delivery::{Delivery, ERROR};
use crate::document::Document;
use crate::errand::Progress;
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
        let has_engineer =
            matches!(&*self.opened.borrow(), Some(Ok(workplace)) if workplace.engineer.is_some());
        let offered = offered.filter(|_| has_engineer).unwrap_or_default();
        let _ = self.out.send(Response::new_ok(request.id, json!(offered)).into());
        Ok(())
    }

    /// Begins an errand. Its outcome is told by messages; what changes is applied by the editor.
    fn run(&mut self, errand: &Errand) -> Result<(), (ErrorCode, String)> {
        let refused = |message: &str| (ErrorCode::RequestFailed, message.to_owned());
        let opened = self.opened.borrow().clone();
        let engineer = match opened {
            Some(Ok(workplace)) => workplace.engineer,
            Some(Err(said)) => return Err(refused(&said)),
            None => return Err(refused("the folder is still being read; try again in a moment")),
        };
        let engineer = engineer.ok_or_else(|| refused("errands are not done here"))?;
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
        self.runtime.spawn(async move {
            let progress = Progress::begin(delivery.out.clone(), shows_progress, &token, &title);
            let proposed = engineer.propose(&intent, &progress, &stop).await;
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
            self.run(&errand)?;
            let _ = self.out.send(Response::new_ok(request.id, Value::Null).into());
            return Ok(());
        }
        if parameters.command != TAKEN_COMMAND {
            let message = format!("there is no command `{}`", parameters.command);
            return Err((ErrorCode::InvalidParams, message));
        }
        let arguments = parameters.arguments.unwrap_or_default();
        let taken = arguments.first().and_then(Value::as_str);
        let index = arguments
            .get(1)
            .and_then(Value::as_u64)
            .and_then(|index| usize::try_from(index).ok());
        if let (Some(id), Some(index)) = (taken, index) {
            let shown = lock(&self.shown);
            let suggestion = shown
                .iter()
                .find(|shown| shown.id == id)
                .and_then(|shown| Some((&shown.request, shown.suggestions.get(index)?)));
            let opened = self.opened.borrow().clone();
            if let (Some((asked, suggestion)), Some(Ok(workplace))) = (suggestion, opened) {
                let _inside = self.runtime.enter();
                workplace.completer.prepare_after(asked, suggestion);
            }
        }
        let _ = self.out.send(Response::new_ok(request.id, Value::Null).into());
        Ok(())
    }
}
