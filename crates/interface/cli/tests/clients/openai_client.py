"""Asks a server what OpenAI's own client asks, and fails on the first answer that the client does not understand.

Usage: openai_client.py BASE_URL MODEL
"""

import json
import sys
import time

import openai

base, model = sys.argv[1:]
client = openai.OpenAI(base_url=f"{base}/v1", api_key="none is needed", max_retries=0, timeout=300)

assert model in [entry.id for entry in client.models.list()], "the model is not listed"

fill = {
    "model": model,
    "prompt": "def text_of(path):\n    with open(path) as file:\n        return file.",
    "suffix": "\n\n\nprint(text_of('notes.txt'))\n",
    "max_tokens": 16,
    "temperature": 0,
    "stop": ["\n"],
}
whole = client.completions.create(**fill)
assert whole.choices[0].text.startswith("read()"), whole
assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens, whole
pieces = list(client.completions.create(**fill, stream=True))
assert "".join(piece.choices[0].text for piece in pieces) == whole.choices[0].text, pieces
print("completions: ok")

question = [
    {"role": "system", "content": "Answer with one word."},
    {"role": "user", "content": "Which programming language is CPython an implementation of?"},
]
answer = client.chat.completions.create(model=model, messages=question, max_tokens=16, temperature=0)
assert "Python" in answer.choices[0].message.content, answer
stream = client.chat.completions.create(
    model=model,
    messages=question,
    max_tokens=16,
    temperature=0,
    stream=True,
    stream_options={"include_usage": True},
)
chunks = list(stream)
said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
assert said == answer.choices[0].message.content, (said, answer)
assert chunks[-1].usage.completion_tokens == answer.usage.completion_tokens, chunks[-1]
print("chat: ok")

schema = {
    "type": "object",
    "properties": {"language": {"type": "string", "enum": ["Python", "Rust"]}, "year": {"type": "integer"}},
    "required": ["language", "year"],
    "additionalProperties": False,
}
answer = client.chat.completions.create(
    model=model,
    messages=[{"role": "user", "content": "In which year did Python appear? Answer in JSON."}],
    max_tokens=64,
    temperature=0,
    response_format={"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
)
assert set(json.loads(answer.choices[0].message.content)) == {"language", "year"}, answer
print("schema: ok")

tool = {
    "name": "weather",
    "description": "Tells the weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
answer = client.chat.completions.create(
    model=model,
    messages=[{"role": "user", "content": "What is the weather in Paris?"}],
    tools=[{"type": "function", "function": tool}],
    max_tokens=64,
    temperature=0,
)
calls = answer.choices[0].message.tool_calls or []
# A model of this size does not always call; when it does, the call is one.
assert all(json.loads(call.function.arguments).keys() <= {"city"} for call in calls), answer
print(f"tools: ok, {len(calls)} called")

response = client.responses.create(
    model=model, instructions=question[0]["content"], input=question[1]["content"], max_output_tokens=16, temperature=0
)
assert "Python" in response.output_text, response
with client.responses.stream(
    model=model, instructions=question[0]["content"], input=question[1]["content"], max_output_tokens=16, temperature=0
) as events:
    kinds = [event.type for event in events]
    final = events.get_final_response()
assert final.output_text == response.output_text, (final, response)
assert kinds[0] == "response.created" and kinds[-1] in ("response.completed", "response.incomplete"), kinds
print("responses: ok")

lines = [
    {
        "custom_id": f"line {number}",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": name, "messages": question, "max_tokens": 16, "temperature": 0},
    }
    for number, name in enumerate([model, model, "gpt-9"])
]
written = "\n".join(json.dumps(line) for line in lines).encode()
file = client.files.create(file=("in.jsonl", written), purpose="batch")
assert (file.object, file.bytes, file.purpose) == ("file", len(written), "batch"), file
assert client.files.retrieve(file.id).filename == "in.jsonl"
assert client.files.content(file.id).content == written
assert file.id in [entry.id for entry in client.files.list()], "the file is not listed"
batch = client.batches.create(
    input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"of": "a test"}
)
while batch.status not in ("completed", "failed", "expired", "cancelled"):
    time.sleep(0.2)
    batch = client.batches.retrieve(batch.id)
assert batch.status == "completed" and batch.metadata == {"of": "a test"}, batch
counts = batch.request_counts
assert (counts.total, counts.completed, counts.failed) == (3, 2, 1), batch
assert batch.usage.total_tokens == batch.usage.input_tokens + batch.usage.output_tokens > 0, batch
answers = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
assert [answer["custom_id"] for answer in answers] == ["line 0", "line 1"], answers
said = answers[0]["response"]["body"]["choices"][0]["message"]["content"]
assert "Python" in said and answers[0]["response"]["status_code"] == 200, answers
[failure] = [json.loads(line) for line in client.files.content(batch.error_file_id).text.splitlines()]
assert failure["response"]["body"]["error"]["code"] == "model_not_found", failure
assert batch.id in [entry.id for entry in client.batches.list()], "the batch is not listed"
assert client.batches.cancel(batch.id).status == "completed"
assert client.files.delete(file.id).deleted
try:
    client.files.retrieve(file.id)
except openai.NotFoundError:
    pass
else:
    raise AssertionError("a file was there that was removed")
print("batches: ok")

for wrong, kind in [
    ({"model": "gpt-9", "messages": question}, openai.NotFoundError),
    ({"model": model, "messages": []}, openai.BadRequestError),
    ({"model": model, "messages": question, "temperature": 9}, openai.BadRequestError),
    ({"model": model, "messages": [{"role": "user", "content": "word " * 20000}]}, openai.BadRequestError),
]:
    try:
        client.chat.completions.create(**wrong)
    except kind as error:
        assert error.body["message"], error
    else:
        raise AssertionError(f"{kind.__name__} was to be raised")
print("errors: ok")
