//! What is agreed with a client at the beginning.

use gen_lsp_types::{
    ClientCapabilities, CompletionOptions, ExecuteCommandOptions, InitializeParams, Save, ServerCapabilities,
    TextDocumentSyncKind, TextDocumentSyncOptions,
};
use serde_json::{Value, json};

use crate::action::KINDS;
use crate::document::Encoding;
use crate::edit::EditAbilities;
use crate::message::{RUN_COMMAND, TAKEN_COMMAND};

pub(crate) fn capabilities(parameters: &InitializeParams, encoding: Encoding) -> Value {
    let text_document = parameters.capabilities.text_document.as_ref();
    let inline = text_document.is_some_and(|document| document.inline_completion.is_some());
    let capabilities = ServerCapabilities {
        position_encoding: Some(encoding.kind()),
        text_document_sync: Some(
            TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(TextDocumentSyncKind::Incremental),
                save: Some(Save::Bool(true)),
                ..TextDocumentSyncOptions::default()
            }
            .into(),
        ),
        completion_provider: (!inline).then(|| CompletionOptions {
            trigger_characters: Some([".", "(", " ", "=", ":"].map(str::to_owned).to_vec()),
            ..CompletionOptions::default()
        }),
        inline_completion_provider: inline.then(|| true.into()),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: vec![TAKEN_COMMAND.to_owned(), RUN_COMMAND.to_owned()],
            ..ExecuteCommandOptions::default()
        }),
        code_action_provider: Some(true.into()),
        ..ServerCapabilities::default()
    };
    let mut capabilities = json!(capabilities);
    let knows_kinds = json!(text_document)
        .pointer("/codeAction/codeActionLiteralSupport")
        .is_some_and(|support| !support.is_null());
    if knows_kinds && let Some(capabilities) = capabilities.as_object_mut() {
        capabilities.insert(
            "codeActionProvider".to_owned(),
            json!({ "codeActionKinds": KINDS }),
        );
    }
    capabilities
}

pub(crate) fn abilities(capabilities: &ClientCapabilities) -> EditAbilities {
    let edit = json!(capabilities)
        .pointer("/workspace/workspaceEdit")
        .cloned()
        .unwrap_or_default();
    let operations = edit.get("resourceOperations").and_then(Value::as_array);
    let can = |operation: &str| operations.is_some_and(|operations| operations.contains(&json!(operation)));
    EditAbilities {
        document_changes: edit.get("documentChanges") == Some(&json!(true)),
        resources: can("create") && can("rename") && can("delete"),
    }
}

pub(crate) fn shows_progress(capabilities: &ClientCapabilities) -> bool {
    json!(capabilities).pointer("/window/workDoneProgress") == Some(&json!(true))
}

pub(crate) fn encoding(parameters: &InitializeParams) -> Encoding {
    let general = parameters.capabilities.general.as_ref();
    Encoding::of(general.and_then(|general| general.position_encodings.as_deref()))
}
