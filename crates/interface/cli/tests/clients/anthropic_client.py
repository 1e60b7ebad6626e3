"""Asks a server what Anthropic's own client asks, and fails on the first answer that the client does not understand.

Usage: anthropic_client.py BASE_URL MODEL
"""

import sys

import anthropic

base, model = sys.argv[1:]
client = anthropic.Anthropic(base_url=base, api_key="none is needed", max_retries=0, timeout=300)

question = {
    "model": model,
    "system": "Answer with one word.",
    "messages": [{"role": "user", "content": "Which programming language is CPython an implementation of?"}],
    "max_tokens": 16,
    # The client knows no temperature any more.
    "extra_body": {"temperature": 0},
}
message = client.messages.create(**question)
assert "Python" in message.content[0].text, message
assert message.stop_reason in ("end_turn", "max_tokens"), message
assert message.usage.input_tokens + (message.usage.cache_read_input_tokens or 0) > 0, message
with client.messages.stream(**question) as stream:
    text = "".join(stream.text_stream)
    final = stream.get_final_message()
assert text == message.content[0].text, (text, message)
assert final.usage.output_tokens == message.usage.output_tokens, final
print("messages: ok")

try:
    client.messages.create(**{**question, "model": "claude-9"})
except anthropic.NotFoundError as error:
    assert error.body["error"]["type"] == "not_found_error", error.body
else:
    raise AssertionError("an unknown model was answered")
print("errors: ok")
