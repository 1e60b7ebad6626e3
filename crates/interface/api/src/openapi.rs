//! The OpenAPI document, made from the table of operations and the types on the wire.

use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::operation::{Method, Operation};
use crate::{PROBLEM_MEDIA_TYPE, Problem, wire};

/// The OpenAPI 3.1 document of the whole interface.
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in Operation::ALL {
        let path = paths
            .entry(operation.path())
            .or_insert_with(|| Value::Object(Map::new()));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(
                operation.method().as_str().to_ascii_lowercase(),
                described(*operation),
            );
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tenon",
            "summary": "Changes to code, each with the evidence that it holds.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "description": "A key of Tenon's: `tenon_…`." } },
        },
        "security": [{ "key": [] }],
    })
}

fn described(operation: Operation) -> Value {
    let mut described = json!({
        "operationId": operation.name(),
        "summary": operation.summary(),
        "tags": [operation.action().as_str().split(':').next().unwrap_or_default()],
        "x-tenon-action": operation.action().as_str(),
        "parameters": parameters(operation),
        "responses": responses(operation),
    });
    if let (Some(request), Some(fields)) = (operation.request(), described.as_object_mut()) {
        let content = json!({ "application/json": { "schema": reference(request) } });
        fields.insert(
            "requestBody".to_owned(),
            json!({ "required": true, "content": content }),
        );
    }
    if let (Operation::UploadArchive, Some(fields)) = (operation, described.as_object_mut()) {
        let content = json!({ "application/gzip": {}, "application/x-tar": {} });
        fields.insert(
            "requestBody".to_owned(),
            json!({ "required": true, "content": content }),
        );
    }
    described
}

fn parameters(operation: Operation) -> Vec<Value> {
    let mut parameters: Vec<Value> = Vec::new();
    let places = operation.path().split('{').skip(1);
    for name in places.filter_map(|rest| rest.split('}').next()) {
        let schema = json!({ "type": "string", "minLength": 1 });
        parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
    }
    let query = |name: &str, schema: Value, description: &str| json!({ "name": name, "in": "query", "schema": schema, "description": description });
    let text = || json!({ "type": "string" });
    if operation.is_paged() {
        parameters.push(query(
            "cursor",
            text(),
            "Where to go on: `next` of the page before.",
        ));
        let bounds = json!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 });
        parameters.push(query("limit", bounds, "How many at most."));
    }
    match operation {
        Operation::ListJobs => {
            let states = json!({ "type": "string", "enum": ["queued", "running", "cancelling", "succeeded", "failed", "cancelled"] });
            parameters.push(query("state", states, "In this state alone."));
            parameters.push(query("repository", text(), "Of this repository alone."));
            parameters.push(query(
                "owner",
                text(),
                "Of this user alone, by name; `me` for one's own.",
            ));
        }
        Operation::ListProposals => {
            parameters.push(query("repository", text(), "Of this repository alone."));
            parameters.push(query(
                "owner",
                text(),
                "Of this user alone, by name; `me` for one's own.",
            ));
        }
        Operation::ListWebhooks => parameters.push(query("repository", text(), "Of this repository alone.")),
        Operation::ListDeliveries => {
            parameters.push(query("webhook", text(), "Of this webhook alone, by id."))
        }
        Operation::ListKeys => parameters.push(query("user", text(), "Of this user alone, by name.")),
        Operation::ReadSignals => {
            let window =
                json!({ "type": "integer", "minimum": 60, "maximum": 31_536_000, "default": 86_400 });
            parameters.push(query("window_seconds", window, "How far back."));
            parameters.push(query("task", text(), "Of this task alone."));
            parameters.push(query("model", text(), "Of this model alone."));
            parameters.push(query("template", text(), "Of this version of a template alone."));
        }
        Operation::ReadSpending => {
            let days = json!({ "type": "integer", "minimum": 1, "maximum": 366, "default": 30 });
            parameters.push(query("days", days, "How many days, today included."));
        }
        Operation::LiftLimit => {
            for (name, schema) in [
                ("scope", text()),
                ("unit", text()),
                ("window_seconds", json!({ "type": "integer", "minimum": 0 })),
            ] {
                parameters.push(json!({ "name": name, "in": "query", "required": true, "schema": schema }));
            }
        }
        Operation::WatchJob => {
            let schema = json!({ "type": "integer", "minimum": 0 });
            parameters.push(json!({ "name": "Last-Event-ID", "in": "header", "schema": schema }));
        }
        Operation::SubmitJob => {
            let description =
                "A repeat with the same key and body is answered as the first time; for 24 hours.";
            parameters.push(json!({ "name": "Idempotency-Key", "in": "header", "schema": text(), "description": description }));
        }
        Operation::ReadProposal => {
            parameters.push(json!({ "name": "If-None-Match", "in": "header", "schema": text() }));
        }
        _ => {}
    }
    parameters
}

fn responses(operation: Operation) -> Value {
    let success = match (operation.answer(), operation.media_type()) {
        (Some(name), _) => json!({
            "description": operation.summary(),
            "content": { "application/json": { "schema": reference(name) } },
        }),
        (None, Some(media_type)) => json!({
            "description": operation.summary(),
            "content": { media_type: { "schema": { "type": "string" } } },
        }),
        (None, None) => json!({ "description": "Done." }),
    };
    let problem = |description: &str| {
        json!({
            "description": description,
            "content": { PROBLEM_MEDIA_TYPE: { "schema": reference("Problem") } },
        })
    };
    let mut responses = Map::new();
    responses.insert(operation.status().to_string(), success);
    responses.insert(
        "400".to_owned(),
        problem("The request is not understood; the detail says what and where."),
    );
    responses.insert(
        "401".to_owned(),
        problem("The key is missing, unknown, expired or revoked."),
    );
    responses.insert(
        "403".to_owned(),
        problem("The key may not do this; the detail says which policy decided."),
    );
    responses.insert(
        "429".to_owned(),
        problem("A limit is reached; `Retry-After` says when to try again."),
    );
    responses.insert(
        "503".to_owned(),
        problem("The server cannot do it now; `Retry-After` says when to try again."),
    );
    if operation.path().contains('{') || operation.request().is_some() {
        responses.insert(
            "404".to_owned(),
            problem("There is nothing of that name, or it may not be seen."),
        );
    }
    if operation.method() != Method::Get {
        responses.insert("409".to_owned(), problem("It does not fit how things stand."));
    }
    if operation.request().is_some() {
        responses.insert("413".to_owned(), problem("The body is too large."));
        responses.insert("415".to_owned(), problem("The body is not JSON."));
        responses.insert(
            "422".to_owned(),
            problem("The key of idempotency was used for another request."),
        );
    }
    if operation == Operation::ReadProposal {
        responses.insert(
            "304".to_owned(),
            json!({ "description": "It is what `If-None-Match` names." }),
        );
    }
    Value::Object(responses)
}

impl Operation {
    /// Whether its answer is a page of a list.
    pub fn is_paged(self) -> bool {
        matches!(
            self,
            Self::ListJobs | Self::ListProposals | Self::ListDeliveries | Self::ReadAudit
        )
    }

    /// The media type of an answer that is not one JSON value.
    pub fn media_type(self) -> Option<&'static str> {
        match self {
            Self::WatchJob => Some("text/event-stream"),
            Self::ReadDiff => Some("text/x-diff"),
            Self::ExportAudit => Some("application/x-ndjson"),
            _ => None,
        }
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn schemas() -> Map<String, Value> {
    let mut named: Vec<(String, RefOr<Schema>)> = Vec::new();
    macro_rules! gather {
        ($($type:ty),* $(,)?) => {
            $(
                named.push((<$type>::name().into_owned(), <$type as PartialSchema>::schema()));
                <$type as ToSchema>::schemas(&mut named);
            )*
        };
    }
    gather!(
        wire::Me,
        wire::JobRequest,
        wire::Job,
        wire::JobPage,
        wire::Event,
        wire::Proposal,
        wire::ProposalPage,
        wire::FeedbackRequest,
        wire::Archive,
        wire::Repositories,
        wire::RepositoryRequest,
        wire::Prompts,
        wire::Models,
        wire::Users,
        wire::UserRequest,
        wire::Keys,
        wire::KeyRequest,
        wire::KeyCreated,
        wire::Limits,
        wire::SpendingReport,
        wire::Webhooks,
        wire::WebhookRequest,
        wire::WebhookCreated,
        wire::DeliveryPage,
        wire::AuditPage,
        wire::AuditReport,
        wire::Signals,
        Problem,
    );
    let whole = serde_json::json!({ "type": "object", "description": "A proposal as `tenon show --json --attempts` has it." });
    named.sort_by(|(a, _), (b, _)| a.cmp(b));
    named.dedup_by(|(a, _), (b, _)| a == b);
    let schemas = named.into_iter();
    schemas
        .map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default()))
        .chain([("Record".to_owned(), whole)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let mut references = text.split("#/components/schemas/").skip(1);
        assert!(references.all(|rest| schemas.contains_key(rest.split('"').next().unwrap())));
        assert_eq!(document["openapi"], "3.1.0");
    }

    #[test]
    fn no_two_operations_share_a_route_or_a_name() {
        let mut routes: Vec<_> = Operation::ALL
            .iter()
            .map(|operation| (operation.path(), operation.method().as_str()))
            .collect();
        routes.sort_unstable();
        let before = routes.len();
        routes.dedup();
        assert_eq!(routes.len(), before);
    }

    #[test]
    fn the_committed_document_is_what_the_code_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/openapi.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        let said = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
        assert!(
            committed == said,
            "docs/openapi.json is out of date: run `tenon serve --openapi > docs/openapi.json`"
        );
    }
}
