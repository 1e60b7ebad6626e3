//! What Tabby's clients ask for: completions from excerpts of a buffer, health, and events.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tenon_domain::RepoPath;
use tenon_engine::{Buffer, Completion, CompletionRequest, Extent};
use tenon_runtime::CacheScope;
use tenon_signals::SuggestionOutcome;

use crate::access::Admitted;
use crate::failure::{Category, Failure};
use crate::generation::completed;
use crate::service::Service;
use crate::tally;

/// The body of `POST /v1/completions`.
#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    language: Option<String>,
    segments: Option<Segments>,
    mode: Option<String>,
    debug_options: Option<DebugOptions>,
}

#[derive(Debug, Default, Deserialize)]
struct DebugOptions {
    raw_prompt: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Segments {
    prefix: String,
    suffix: Option<String>,
    filepath: Option<String>,
    #[serde(default)]
    declarations: Option<Vec<Snippet>>,
    #[serde(default)]
    relevant_snippets_from_changed_files: Option<Vec<Snippet>>,
    #[serde(default)]
    relevant_snippets_from_recently_opened_files: Option<Vec<Snippet>>,
}

#[derive(Debug, Deserialize)]
struct Snippet {
    filepath: String,
    body: String,
}

/// The body of `POST /v1/events`.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    #[serde(rename = "type")]
    kind: String,
    completion_id: String,
    #[serde(default)]
    choice_index: usize,
}

/// Nobody who types waits longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);
/// From this version on a client asks for the settings.
const SPOKEN_VERSION: &str = "v0.21.0";

/// Answers `POST /v1/completions`.
pub(crate) async fn answer(service: &Arc<Service>, asker: Admitted, body: Body) -> Result<Response, Failure> {
    let completer = service.completer()?;
    if body
        .debug_options
        .is_some_and(|options| options.raw_prompt.is_some())
    {
        let message =
            "raw prompts are served in OpenAI's form: send `prompt` instead of `debug_options.raw_prompt`";
        return Err(Failure::bad("debug_options", message));
    }
    let mode = body.mode.unwrap_or_else(|| "standard".to_owned());
    if mode != "standard" {
        return Err(Failure::bad(
            "mode",
            format!("mode `{mode}` is not served; `standard` is"),
        ));
    }
    let segments = body
        .segments
        .ok_or_else(|| Failure::bad("segments", "`segments` is missing"))?;
    let path = path(segments.filepath.as_deref(), body.language.as_deref());
    let buffers = |snippets: Option<Vec<Snippet>>| -> Vec<Buffer> {
        let snippets = snippets.unwrap_or_default().into_iter();
        let buffer = |snippet: Snippet| Buffer {
            path: self::path(Some(&snippet.filepath), None),
            text: snippet.body,
        };
        snippets.map(buffer).collect()
    };
    let mut open_buffers = buffers(segments.declarations);
    open_buffers.extend(buffers(segments.relevant_snippets_from_recently_opened_files));
    let request = CompletionRequest {
        path,
        cursor: segments.prefix.len(),
        text: segments.prefix + segments.suffix.as_deref().unwrap_or_default(),
        is_excerpt: true,
        extent: Extent::Natural,
        alternatives: 1,
        deadline: DEADLINE,
        open_buffers,
        recent_edits: buffers(segments.relevant_snippets_from_changed_files),
        scope: asker.scope,
    };
    let completion = completed(asker.account.as_ref(), completer, &request).await?;
    let choices: Vec<Value> = completion
        .suggestions
        .iter()
        .enumerate()
        .map(|(index, text)| json!({ "index": index, "text": text }))
        .collect();
    let object = json!({ "id": completion.id, "choices": choices, "mode": mode });
    let mut response = Json(object).into_response();
    explain(&mut response, &completion);
    service.remember(request, &completion);
    Ok(response)
}

/// Says in a header why nothing is shown.
pub(crate) fn explain(response: &mut Response, completion: &Completion) {
    if let Some(silence) = &completion.silence {
        let reason = HeaderValue::from_static(silence.as_str());
        response.headers_mut().insert("x-tenon-dropped-reason", reason);
    }
}

/// The file as a path in a repository; without one, a name that tells the language.
pub(crate) fn path(file: Option<&str>, language: Option<&str>) -> RepoPath {
    let extension = match language.unwrap_or_default() {
        "python" => "py",
        "rust" => "rs",
        "javascript" => "js",
        "javascriptreact" => "jsx",
        "typescript" => "ts",
        "typescriptreact" => "tsx",
        "go" => "go",
        "java" => "java",
        _ => "txt",
    };
    let unnamed = format!("untitled.{extension}");
    let file = file.filter(|file| !file.is_empty()).unwrap_or(&unnamed);
    let name = file.rsplit(['/', '\\']).next().unwrap_or_default();
    // Wherever it lies, the name tells the language.
    let parsed = RepoPath::parse(file)
        .or_else(|_| RepoPath::parse(name))
        .or_else(|_| RepoPath::parse(&unnamed));
    parsed.unwrap_or_else(|_| unreachable!("`untitled` with an extension is a path"))
}

/// Hears what became of a suggestion; `query` may say that a part of it was taken. `typed` is our own editors' word.
pub(crate) fn event(
    service: &Service,
    scope: &CacheScope,
    event: &Event,
    query: &str,
) -> Result<(), Failure> {
    let is_part = query.split('&').any(|pair| pair.starts_with("select_kind="));
    let outcome = match event.kind.as_str() {
        "view" => SuggestionOutcome::Viewed,
        "select" if is_part => SuggestionOutcome::TakenPartly,
        "select" => SuggestionOutcome::Taken,
        "typed" => SuggestionOutcome::Typed,
        "dismiss" => SuggestionOutcome::Dismissed,
        other => {
            let message = format!("there is no event `{other}`: view, select, typed and dismiss are heard");
            return Err(Failure::new(Category::BadRequest, message));
        }
    };
    if event.kind == "select" {
        service.taken(scope, &event.completion_id, event.choice_index);
    }
    tally::current().suggestion(outcome);
    Ok(())
}

/// `GET /v1/health`, good for clients of llama.cpp, too.
pub(crate) fn health(service: &Service) -> Value {
    let completing = service.fill_model(None).ok();
    let completing = completing.filter(|_| service.completer().is_ok());
    let chat = service.chat_model(None).ok();
    let local = |name: &str| json!({ "local": { "model_id": name, "device": "cpu" } });
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    json!({
        "status": "ok",
        // A name that says a size makes clients warn of the processor's speed.
        "model": completing.map(|_| "tenon"),
        "chat_model": chat.map(|served| served.name.as_str()),
        "chat_device": "cpu",
        "device": "cpu",
        "cuda_devices": [],
        "arch": std::env::consts::ARCH,
        "cpu_info": std::env::consts::ARCH,
        "cpu_count": threads,
        "models": {
            "completion": completing.map(|served| local(&served.name)),
            "chat": chat.map(|served| local(&served.name)),
        },
        "version": {
            "build_date": "",
            "build_timestamp": "",
            "git_sha": "",
            "git_describe": SPOKEN_VERSION,
        },
    })
}

/// `GET /v1beta/models`.
pub(crate) fn models(service: &Service) -> Value {
    let names: Vec<&str> = service
        .models()
        .iter()
        .map(|served| served.name.as_str())
        .collect();
    let completing = service.completer().is_ok().then(|| service.fill_model(None).ok());
    let completing = completing.flatten().map(|served| vec![served.name.as_str()]);
    json!({ "completion": completing, "chat": names })
}
