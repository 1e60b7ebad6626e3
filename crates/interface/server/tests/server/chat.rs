//! Conversations: OpenAI's two forms and Anthropic's.

use serde_json::{Value, json};
use tenon_runtime::{Constraint, PromptInput, Role};
use tenon_testkit::{Answer, ScriptedModel};

use crate::house::House;

const CALL: &str = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>";

fn weather() -> Value {
    json!({
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": { "type": "object", "properties": { "city": { "type": "string" } } },
    })
}

/// The roles and texts of the only prompt.
fn said(model: &ScriptedModel) -> (Vec<(Role, String)>, String) {
    let [request] = model.requests().try_into().unwrap();
    let PromptInput::Chat { messages, prefill } = request.prompt else {
        panic!("it is no conversation");
    };
    let said = messages
        .into_iter()
        .map(|message| (message.role, message.content));
    (said.collect(), prefill)
}

#[tokio::test]
async fn a_chat_is_answered_whole() {
    let house = House::new(ScriptedModel::new().then("Hello.")).await;
    let reply = house.post(
        "/v1/chat/completions",
        &json!({
            "model": "scripted",
            "messages": [
                { "role": "developer", "content": "Be short." },
                { "role": "user", "content": [{ "type": "text", "text": "Say" }, { "type": "text", "text": "hello." }] },
            ],
            "max_completion_tokens": 12,
            "temperature": 0.5,
            "seed": 7,
            "a field of tomorrow": { "is": "left alone" },
        }),
    );
    let object = reply.await.json();
    assert_eq!(object["object"], "chat.completion");
    assert_eq!(object["model"], "scripted");
    assert_eq!(
        object["choices"],
        json!([{
            "index": 0,
            "message": { "role": "assistant", "content": "Hello." },
            "logprobs": null,
            "finish_reason": "stop",
        }])
    );
    let usage = &object["usage"];
    assert_eq!(
        usage["total_tokens"].as_u64().unwrap(),
        usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap()
    );
    let (said, _) = said(&house.model);
    let expected = [(Role::System, "Be short."), (Role::User, "Say\nhello.")];
    assert_eq!(said, expected.map(|(role, text)| (role, text.to_owned())));
    let [request] = house.model.requests().try_into().unwrap();
    assert_eq!((request.max_tokens, request.sampling.seed), (12, 7));
}

#[tokio::test]
async fn a_chat_is_streamed() {
    let house = House::new(ScriptedModel::new().then("Hello.")).await;
    let reply = house.post(
        "/v1/chat/completions",
        &json!({
            "messages": [{ "role": "user", "content": "Hi" }],
            "stream": true,
            "stream_options": { "include_usage": true },
        }),
    );
    let chunks = reply.await.chunks();
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, "Hello.");
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let [.., last, usage] = chunks.as_slice() else {
        panic!("too short: {chunks:?}");
    };
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert_eq!(usage["choices"], json!([]));
    assert!(usage["usage"]["completion_tokens"].as_u64().unwrap() > 0);
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"]));
}

#[tokio::test]
async fn calls_of_tools_are_structured() {
    let model = ScriptedModel::new().otherwise(format!("Let me look.\n{CALL}"));
    let house = House::new(model).await;
    let mut body = json!({
        "messages": [{ "role": "user", "content": "How is Paris?" }],
        "tools": [{ "type": "function", "function": weather() }],
    });
    let message = house.post("/v1/chat/completions", &body).await.json()["choices"][0].clone();
    assert_eq!(message["finish_reason"], "tool_calls");
    let call = &message["message"]["tool_calls"][0];
    assert_eq!(call["function"]["name"], "weather");
    assert_eq!(call["function"]["arguments"], "{\"city\":\"Paris\"}");
    assert!(house.model.prompts()[0].contains("Tells the weather."));

    body["stream"] = json!(true);
    let chunks = house.post("/v1/chat/completions", &body).await.chunks();
    let delta = chunks
        .iter()
        .find_map(|chunk| chunk["choices"][0]["delta"].get("tool_calls"));
    assert_eq!(delta.unwrap()[0]["index"], 0);
    assert_eq!(delta.unwrap()[0]["function"]["name"], "weather");
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "tool_calls");

    body["tool_choice"] = json!("none");
    house.post("/v1/chat/completions", &body).await.chunks();
    assert!(!house.model.prompts()[2].contains("Tells the weather."));
}

#[tokio::test]
async fn results_of_tools_go_back_to_the_model() {
    let house = House::new(ScriptedModel::new().then("It rains.")).await;
    let reply = house.post(
        "/v1/chat/completions",
        &json!({
            "messages": [
                { "role": "user", "content": "How is Paris?" },
                { "role": "assistant", "content": null, "tool_calls": [
                    { "id": "1", "type": "function",
                      "function": { "name": "weather", "arguments": "{\"city\":\"Paris\"}" } },
                ] },
                { "role": "tool", "tool_call_id": "1", "content": "rain" },
            ],
        }),
    );
    reply.await.json();
    let (said, _) = said(&house.model);
    let texts: Vec<&str> = said.iter().map(|(_, text)| text.as_str()).collect();
    let call = "<tool_call>\n{\"name\":\"weather\",\"arguments\":{\"city\":\"Paris\"}}\n</tool_call>";
    let result = "<tool_response>\nrain\n</tool_response>";
    assert_eq!(texts, ["How is Paris?", call, result]);
}

#[tokio::test]
async fn a_schema_constrains_the_answer() {
    let house = House::new(ScriptedModel::new().then("{\"a\": 1}")).await;
    let schema = json!({ "type": "object", "properties": { "a": { "type": "integer" } } });
    let reply = house.post(
        "/v1/chat/completions",
        &json!({
            "messages": [{ "role": "user", "content": "a?" }],
            "response_format": { "type": "json_schema", "json_schema": { "name": "a", "schema": schema } },
        }),
    );
    reply.await.json();
    let [request] = house.model.requests().try_into().unwrap();
    assert_eq!(request.constraint, Some(Constraint::JsonSchema { schema }));
}

#[tokio::test]
async fn a_response_is_streamed_in_order() {
    let house = House::new(ScriptedModel::new().then(format!("Hello.\n{CALL}"))).await;
    let mut tool = weather();
    tool["type"] = json!("function");
    let reply = house.post(
        "/v1/responses",
        &json!({
            "instructions": "Be short.",
            "input": [
                { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "Hi" }] },
                { "type": "reasoning", "summary": [] },
            ],
            "tools": [tool, { "type": "web_search" }],
            "store": false,
            "stream": true,
        }),
    );
    let events = reply.await.events();
    let kinds: Vec<&str> = events.iter().map(|(kind, _)| kind.as_deref().unwrap()).collect();
    let mut order = kinds.clone();
    order.dedup();
    assert_eq!(
        order,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    for (number, (kind, data)) in events.iter().enumerate() {
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["sequence_number"], number);
        assert_eq!(data["type"].as_str(), kind.as_deref());
    }
    let last: Value = serde_json::from_str(&events.last().unwrap().1).unwrap();
    let output = &last["response"]["output"];
    assert_eq!(output[0]["content"][0]["text"], "Hello.\n");
    assert_eq!(output[1]["arguments"], "{\"city\":\"Paris\"}");
    assert!(last["response"]["usage"]["total_tokens"].is_u64());
}

#[tokio::test]
async fn a_response_is_answered_whole_and_keeps_nothing() {
    let house = House::new(ScriptedModel::new().then(Answer::cut_short("Hello"))).await;
    let object = house
        .post("/v1/responses", &json!({ "input": "Hi" }))
        .await
        .json();
    assert_eq!(object["status"], "incomplete");
    assert_eq!(object["incomplete_details"]["reason"], "max_output_tokens");
    assert_eq!(object["output"][0]["content"][0]["text"], "Hello");
    let body = json!({ "input": "Hi", "previous_response_id": "resp_1" });
    let error = house.post("/v1/responses", &body).await.failed(400);
    assert_eq!(error["error"]["param"], "previous_response_id");
}

#[tokio::test]
async fn anthropics_messages_are_streamed_in_order() {
    let house = House::new(ScriptedModel::new().then(format!("Hello.\n{CALL}"))).await;
    let mut tool = weather();
    tool["input_schema"] = tool["parameters"].take();
    let reply = house.post(
        "/v1/messages",
        &json!({
            "max_tokens": 64,
            "system": [{ "type": "text", "text": "Be short.", "cache_control": { "type": "ephemeral" } }],
            "messages": [{ "role": "user", "content": "Hi" }],
            "tools": [tool],
            "stream": true,
        }),
    );
    let events = reply.await.events();
    let mut order: Vec<&str> = events.iter().map(|(kind, _)| kind.as_deref().unwrap()).collect();
    order.dedup();
    assert_eq!(
        order,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    let delta: Value = serde_json::from_str(&events[events.len() - 2].1).unwrap();
    assert_eq!(delta["delta"]["stop_reason"], "tool_use");
    let start: Value = serde_json::from_str(&events[0].1).unwrap();
    assert!(start["message"]["usage"]["input_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn anthropics_messages_are_answered_whole() {
    let house = House::new(ScriptedModel::new().then(" Paris.")).await;
    let reply = house.post(
        "/v1/messages",
        &json!({
            "max_tokens": 64,
            "messages": [
                { "role": "user", "content": [{ "type": "text", "text": "The capital?" }] },
                { "role": "assistant", "content": [{ "type": "tool_use", "id": "1", "name": "look", "input": {} }] },
                { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "1", "content": "Paris" }] },
                { "role": "assistant", "content": "It is" },
            ],
        }),
    );
    let object = reply.await.json();
    assert_eq!(object["content"], json!([{ "type": "text", "text": " Paris." }]));
    assert_eq!(object["stop_reason"], "end_turn");
    let (said, prefill) = said(&house.model);
    assert_eq!(prefill, "It is");
    assert_eq!(said.len(), 3);
}
