//! How a proposal comes into the editor.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::Sender;
use gen_lsp_types::Uri;
use lsp_server::Message;
use serde_json::json;
use tenon_domain::{Level, Proposal};

use crate::document::{Document, Encoding};
use crate::edit::{EditAbilities, workspace_edit};
use crate::errand::ask;

/// LSP's kinds of messages.
pub(crate) const ERROR: u32 = 1;
pub(crate) const WARNING: u32 = 2;
pub(crate) const INFORMATION: u32 = 3;

/// Brings a proposal into the editor.
pub(crate) struct Delivery {
    pub root: PathBuf,
    pub documents: Arc<Mutex<HashMap<Uri, Document>>>,
    pub encoding: Encoding,
    pub abilities: EditAbilities,
    pub out: Sender<Message>,
}

impl Delivery {
    /// Applies what holds, and says what became of it.
    pub fn deliver(&self, proposal: &Proposal) -> (u32, String) {
        let id = proposal.id;
        if let Some(explanation) = &proposal.explanation {
            return (INFORMATION, explanation.clone());
        }
        if proposal.level() == Level::Unverified {
            return (
                WARNING,
                format!("no change passed; `tenon show {id}` has the best attempt"),
            );
        }
        let is_stale = |document: &Document| {
            let file = proposal
                .change
                .files
                .iter()
                .find(|file| file.path == document.path);
            document.is_inside
                && file.is_some_and(|file| file.before.as_deref() != Some(document.text.as_str()))
        };
        if self
            .documents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .any(is_stale)
        {
            return (
                WARNING,
                format!(
                    "the file was changed meanwhile; `tenon apply {id}` applies the change if it still fits"
                ),
            );
        }
        let summary = format!("{}: {} (`tenon show {id}`)", proposal.level(), proposal.summary);
        match workspace_edit(&self.root, &proposal.change, self.encoding, self.abilities) {
            Some(edit) => {
                ask(
                    &self.out,
                    "workspace/applyEdit",
                    json!({ "label": proposal.summary, "edit": edit }),
                );
                (INFORMATION, summary)
            }
            None => (
                INFORMATION,
                format!("{summary}; this editor cannot make the change: `tenon apply {id}`"),
            ),
        }
    }
}
