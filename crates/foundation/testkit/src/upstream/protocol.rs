use serde_json::Value;

use crate::HttpRequest;

/// The body of a well-formed request, or what is wrong with it.
pub(super) fn check(request: &HttpRequest) -> Result<Value, String> {
    if request.method != "POST" {
        return Err(format!("{} {}", request.method, request.path));
    }
    if !request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/json"))
    {
        return Err("the body is not declared as JSON".to_owned());
    }
    let body: Value = serde_json::from_slice(&request.body).map_err(|error| format!("the body: {error}"))?;
    match request.path.as_str() {
        "/v1/chat/completions" => check_messages(&body).and_then(|()| check_stream(&body))?,
        "/v1/completions" => {
            require(
                body.get("prompt").is_some_and(Value::is_string),
                "prompt must be a text",
            )?;
            check_stream(&body)?;
        }
        "/infill" => {
            require(
                body.get("input_prefix").is_some_and(Value::is_string),
                "input_prefix must be a text",
            )?;
            require(
                body.get("input_suffix").is_some_and(Value::is_string),
                "input_suffix must be a text",
            )?;
            require(
                body.get("n_predict").is_some_and(Value::is_u64),
                "n_predict must be a number",
            )?;
        }
        "/tokenize" => {}
        path => return Err(format!("no route {path}")),
    }
    Ok(body)
}

fn check_messages(body: &Value) -> Result<(), String> {
    let messages = body
        .get("messages")
        .and_then(Value::as_array)
        .filter(|messages| !messages.is_empty());
    for message in messages.ok_or("messages must be a list that is not empty")? {
        let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
        require(
            matches!(role, "system" | "user" | "assistant"),
            "a message has a known role",
        )?;
        require(
            message.get("content").is_some_and(Value::is_string),
            "a message has a text",
        )?;
    }
    let limits = [body.get("max_tokens"), body.get("max_completion_tokens")];
    let limits = limits
        .iter()
        .flatten()
        .filter(|limit| limit.as_u64().is_some_and(|limit| limit > 0));
    require(limits.count() == 1, "exactly one limit of tokens is given")
}

fn check_stream(body: &Value) -> Result<(), String> {
    require(
        body.get("model").is_some_and(Value::is_string),
        "model must be a text",
    )?;
    require(
        body.get("stream") == Some(&Value::Bool(true)),
        "stream must be true",
    )?;
    let usage = body.pointer("/stream_options/include_usage");
    require(usage == Some(&Value::Bool(true)), "usage must be asked for")?;
    require(
        body.get("temperature").is_none_or(Value::is_number),
        "temperature must be a number",
    )?;
    // The smallest of the types that servers keep it in, without the value that means "any".
    let seed = body.get("seed").and_then(Value::as_u64);
    require(
        seed.is_some_and(|seed| seed < u64::from(u32::MAX)),
        "seed must fit into 32 bits",
    )?;
    let stops = body.get("stop").and_then(Value::as_array);
    let whole = stops.is_none_or(|stops| !stops.is_empty() && stops.iter().all(Value::is_string));
    require(whole, "stop must be a list of texts that is not empty")
}

fn require(holds: bool, rule: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule.to_owned()) }
}
