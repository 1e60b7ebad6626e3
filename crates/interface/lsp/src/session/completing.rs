//! Completion: one task for each request, and what becomes of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gen_lsp_types::{
    CompletionParams, CompletionTriggerKind, InlineCompletionParams, InlineCompletionTriggerKind, Position,
    Uri,
};
use lsp_server::{ErrorCode, Request, RequestId, Response};
use serde_json::json;
use tenon_engine::{Buffer, Completer, Completion, CompletionRequest, Extent, Silence};
use tenon_runtime::CacheScope;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Opened, Session, lock, notify, parameters};
use crate::document::{Document, offset};
use crate::fate::{Fate, Turn};
use crate::item::{Shape, half_typed, result};
use crate::message::{CompletionReport, OUTCOME_METHOD, REPORT_METHOD, SuggestionReport};

pub(super) struct Pending {
    document: Uri,
    /// When it was asked, by the session's clock.
    asked: u64,
    pub(super) task: JoinHandle<()>,
}

/// What was suggested of late, for the day that it is taken.
pub(super) struct Shown {
    pub(super) id: String,
    document: Uri,
    at: Instant,
    fate: Fate,
    /// Whether what is written tells its fate: not where the editor's list had counted as written.
    is_watched: bool,
    pub(super) request: CompletionRequest,
    pub(super) suggestions: Vec<String>,
}

const MOST_SHOWN: usize = 16;
/// Files in which somebody waits for a suggestion at the same time: no person has so many, and each holds its buffers.
const MOST_PENDING: usize = 16;
/// Buffers and edits beside the one that is completed.
const MOST_NEIGHBOURS: usize = 5;

impl Session {
    pub(super) fn inline(&mut self, request: Request) -> Result<(), (ErrorCode, String)> {
        let parameters: InlineCompletionParams = parameters(request.params)?;
        let invoked = parameters.context.trigger_kind == InlineCompletionTriggerKind::Invoked;
        let selected = parameters.context.selected_completion_info;
        let at = parameters.text_document_position_params;
        let selected = selected.map(|selected| (selected.range, selected.text));
        self.start(
            request.id,
            &at.text_document.uri,
            at.position,
            invoked,
            Shape::Inline { selected },
        )
    }

    pub(super) fn listed(&mut self, request: Request) -> Result<(), (ErrorCode, String)> {
        let parameters: CompletionParams = parameters(request.params)?;
        let kind = parameters.context.map(|context| context.trigger_kind);
        let invoked = kind == Some(CompletionTriggerKind::Invoked);
        let at = parameters.text_document_position_params;
        self.start(
            request.id,
            &at.text_document.uri,
            at.position,
            invoked,
            Shape::Listed,
        )
    }

    fn start(
        &mut self,
        id: RequestId,
        uri: &Uri,
        at: Position,
        invoked: bool,
        shape: Shape,
    ) -> Result<(), (ErrorCode, String)> {
        self.supersede(uri);
        self.drop_oldest();
        let request = self.completion_request(uri, at, invoked, &shape)?;
        let encoding = self.encoding;
        let asked = self.tick();
        let mut opened = self.opened.clone();
        let pending = Arc::clone(&self.pending);
        let shown = Arc::clone(&self.shown);
        let out = self.out.clone();
        let key = id.clone();
        let document = uri.clone();
        let leaving = std::mem::take(&mut self.leaving);
        // The entry is made before the task can end.
        let mut entries = lock(&self.pending);
        let task = self.runtime.spawn(async move {
            let begun = Instant::now();
            for task in leaving {
                // It was cancelled, which is no error.
                let _ = task.await;
            }
            let (completer, completion) = answer(&mut opened, &request).await;
            if lock(&pending).remove(&id).is_none() {
                return;
            }
            let report = report(&completion, begun);
            let items = result(
                &shape,
                &completion.id,
                &completion.suggestions,
                &request.text,
                request.cursor,
                encoding,
            );
            if completer.is_some() && !completion.suggestions.is_empty() {
                let mut shown = lock(&shown);
                if shown.len() == MOST_SHOWN {
                    shown.pop_front();
                }
                for older in shown.iter_mut().filter(|older| older.document == document) {
                    older.fate.superseded();
                }
                shown.push_back(Shown {
                    id: completion.id,
                    document,
                    at: Instant::now(),
                    fate: Fate::default(),
                    is_watched: !matches!(shape, Shape::Inline { selected: Some(_) }),
                    request,
                    suggestions: completion.suggestions,
                });
            }
            let _ = out.send(Response::new_ok(id, items).into());
            notify(&out, REPORT_METHOD, json!(report));
        });
        let entry = Pending {
            document: uri.clone(),
            asked,
            task,
        };
        entries.insert(key, entry);
        Ok(())
    }

    fn completion_request(
        &mut self,
        uri: &Uri,
        at: Position,
        invoked: bool,
        shape: &Shape,
    ) -> Result<CompletionRequest, (ErrorCode, String)> {
        let seen = self.tick();
        let encoding = self.encoding;
        let wrong = |message: &str| (ErrorCode::InvalidParams, message.to_owned());
        let documents = Arc::clone(&self.documents);
        let mut documents = lock(&documents);
        let document = documents
            .get_mut(uri)
            .ok_or_else(|| wrong("the file is not open"))?;
        document.seen = seen;
        let nowhere = || wrong("the position is not in the file");
        let mut text = document.text.clone();
        let mut cursor = document.offset(at, encoding).ok_or_else(nowhere)?;
        let path = document.path.clone();
        if let Shape::Inline {
            selected: Some((range, selected)),
        } = shape
        {
            // What is highlighted counts as written.
            let start = offset(&text, range.start, encoding).ok_or_else(nowhere)?;
            let end = offset(&text, range.end, encoding).ok_or_else(nowhere)?;
            if start > end {
                return Err(nowhere());
            }
            text.replace_range(start..end, selected);
            cursor = start + selected.len();
        }
        let mut others: Vec<&Document> = documents
            .iter()
            .filter(|(other, _)| *other != uri)
            .map(|(_, document)| document)
            .collect();
        others.sort_by_key(|document| std::cmp::Reverse(document.seen));
        others.truncate(MOST_NEIGHBOURS);
        let buffer = |document: &Document, text: &str| Buffer {
            path: document.path.clone(),
            text: text.to_owned(),
        };
        // A name that is begun opens a list by itself, which protocols call by the same word.
        let is_begun = matches!(shape, Shape::Listed)
            && text
                .get(..cursor)
                .is_some_and(|before| !half_typed(before).is_empty());
        let invoked = invoked && !is_begun;
        let deadline = match invoked {
            true => self.options.invoked_deadline,
            false => self.options.automatic_deadline,
        };
        Ok(CompletionRequest {
            path,
            text,
            cursor,
            is_excerpt: false,
            extent: Extent::Natural,
            alternatives: if invoked { self.options.alternatives } else { 1 },
            deadline: Duration::from_millis(deadline),
            open_buffers: others.iter().map(|other| buffer(other, &other.text)).collect(),
            recent_edits: others
                .iter()
                .filter_map(|other| Some(buffer(other, other.edited.as_deref()?)))
                .collect(),
            scope: CacheScope::local(),
        })
    }

    /// The buffer became this, or was closed: what becomes of the suggestions in it.
    pub(super) fn follow(&self, uri: &Uri, text: Option<&str>) {
        for shown in lock(&self.shown).iter_mut() {
            if shown.document != *uri || !shown.is_watched {
                continue;
            }
            let turn = match text {
                Some(text) => shown.fate.after(&shown.request, &shown.suggestions, text),
                None => shown.fate.dismissed(),
            };
            self.tell(shown, turn);
        }
    }

    /// A suggestion was taken, says the editor: what comes after it is prepared.
    pub(super) fn taken(&self, id: &str, index: usize) {
        let mut shown = lock(&self.shown);
        let Some(shown) = shown.iter_mut().find(|shown| shown.id == id) else {
            return;
        };
        let Some(suggestion) = shown.suggestions.get(index) else {
            return;
        };
        if let Some(Ok(workplace)) = &*self.opened.borrow() {
            let _inside = self.runtime.enter();
            workplace.completer.prepare_after(&shown.request, suggestion);
        }
        let turn = shown.fate.taken(index, suggestion);
        self.tell(shown, turn);
    }

    /// A part of a suggestion was taken, says the editor.
    pub(super) fn taken_partly(&self, id: &str, index: usize, characters: usize) {
        let mut shown = lock(&self.shown);
        if let Some(shown) = shown.iter_mut().find(|shown| shown.id == id) {
            let turn = shown.fate.taken_partly(index, characters);
            self.tell(shown, turn);
        }
    }

    fn tell(&self, shown: &Shown, turn: Option<Turn>) {
        let Some(turn) = turn else { return };
        let report = SuggestionReport {
            id: shown.id.clone(),
            index: turn.index,
            outcome: turn.outcome,
            characters: turn.characters,
            milliseconds: u64::try_from(shown.at.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        notify(&self.out, OUTCOME_METHOD, json!(report));
        if let Some(tell) = &self.tell {
            tell(&report);
        }
    }

    /// Whoever asks again for the same file no longer waits for the first answer.
    pub(super) fn supersede(&mut self, uri: &Uri) {
        let pending = lock(&self.pending);
        let older = pending.iter().filter(|(_, pending)| &pending.document == uri);
        let older: Vec<RequestId> = older.map(|(id, _)| id.clone()).collect();
        drop(pending);
        for id in older {
            self.cancel(&id, ErrorCode::ContentModified, "asked again meanwhile");
        }
    }

    /// Makes room for one more request; whom that drops is told, and how many there were.
    fn drop_oldest(&mut self) {
        let pending = lock(&self.pending);
        if pending.len() < MOST_PENDING {
            return;
        }
        let oldest = pending.iter().min_by_key(|(_, pending)| pending.asked);
        let oldest = oldest.map(|(id, _)| id.clone());
        drop(pending);
        let Some(oldest) = oldest else { return };
        self.dropped += 1;
        let dropped = self.dropped;
        let message = format!("{MOST_PENDING} files wait already; dropped so far: {dropped}");
        self.cancel(&oldest, ErrorCode::ServerCancelled, &message);
    }

    pub(super) fn cancel(&mut self, id: &RequestId, code: ErrorCode, message: &str) {
        let pending = lock(&self.pending).remove(id);
        if let Some(pending) = pending {
            pending.task.abort();
            self.leaving.retain(|task| !task.is_finished());
            self.leaving.push(pending.task);
            let response = Response::new_err(id.clone(), code as i32, message.to_owned());
            let _ = self.out.send(response.into());
        }
    }
}

/// Waits for the folder to be read, no longer than the request may take, and completes.
async fn answer(
    opened: &mut watch::Receiver<Opened>,
    request: &CompletionRequest,
) -> (Option<Arc<Completer>>, Completion) {
    let silent = |reason: Silence| Completion {
        id: String::new(),
        suggestions: Vec::new(),
        silence: Some(reason),
        trace: tenon_engine::CompletionTrace::default(),
    };
    let opened = async { opened.wait_for(Option::is_some).await.ok()?.clone() };
    let Ok(opened) = tokio::time::timeout(request.deadline, opened).await else {
        return (None, silent(Silence::Deadline));
    };
    match opened {
        Some(Ok(workplace)) => {
            let completion = workplace.completer.complete(request).await;
            (Some(workplace.completer), completion)
        }
        Some(Err(said)) => (None, silent(Silence::NoModel { said })),
        None => (None, silent(Silence::Deadline)),
    }
}

fn report(completion: &Completion, begun: Instant) -> CompletionReport {
    CompletionReport {
        id: completion.id.clone(),
        shown: completion.suggestions.len(),
        reason: completion
            .silence
            .as_ref()
            .map(|silence| silence.as_str().to_owned()),
        message: completion.silence.as_ref().map(ToString::to_string),
        milliseconds: begun.elapsed().as_secs_f64() * 1000.0,
    }
}
