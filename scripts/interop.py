#!/usr/bin/env python3
"""Drives clients that are too heavy for every test run against `tenon serve` with a real model: aider, Codex, opencode, Continue.

Each gets a folder as its home, a repository with one file, a key of its own, and one question. It has to end well, and the
service has to have answered it through the door that is expected.

    make interop                                   installs them and runs all
    scripts/interop.py FOLDER TENON [NAME ...]     the clients of FOLDER (see scripts/interop/) and this binary; some of them
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

MODEL = "qwen2.5-coder-0.5b"
QUESTION = "What does area.py compute? Answer in one sentence."
PATIENCE = 900


def aider(clients, url, home):
    return [
        clients / "python/bin/aider", "--model", f"openai/{MODEL}", "--openai-api-base", f"{url}/v1", "--chat-mode", "ask",
        "--no-check-update", "--no-show-model-warnings", "--analytics-disable", "--yes-always", "--message", QUESTION, "area.py",
    ]  # fmt: skip


def codex(clients, url, home):
    provider = f'{{name="Tenon",base_url="{url}/v1",wire_api="responses",env_key="OPENAI_API_KEY"}}'
    return [
        clients / "node_modules/.bin/codex", "exec", "--skip-git-repo-check", "--sandbox", "read-only", "-m", MODEL,
        "-c", 'model_provider="tenon"', "-c", f"model_providers.tenon={provider}", QUESTION,
    ]  # fmt: skip


def opencode(clients, url, home):
    options = {"baseURL": f"{url}/v1", "apiKey": "{env:OPENAI_API_KEY}"}
    provider = {"npm": "@ai-sdk/openai-compatible", "name": "Tenon", "options": options, "models": {MODEL: {"name": MODEL}}}
    write(home / ".config/opencode/opencode.json", json.dumps({"provider": {"tenon": provider}, "autoupdate": False, "share": "disabled"}))
    program = min(clients.glob("node_modules/opencode-*/bin/opencode"))
    return [program, "run", "--model", f"tenon/{MODEL}", QUESTION]


def continue_cli(clients, url, home):
    configuration = home / "config.yaml"
    write(
        configuration,
        "name: Tenon\nversion: 1.0.0\nschema: v1\nmodels:\n"
        f"  - name: Tenon\n    provider: openai\n    model: {MODEL}\n    apiBase: {url}/v1\n"
        f"    apiKey: {os.environ['OPENAI_API_KEY']}\n    roles: [chat]\n",
    )
    return [clients / "node_modules/.bin/cn", "--config", configuration, "--print", QUESTION]


CLIENTS = {
    "aider": (aider, "/v1/chat/completions"),
    "codex": (codex, "/v1/responses"),
    "opencode": (opencode, "/v1/chat/completions"),
    "continue": (continue_cli, "/v1/chat/completions"),
}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def repository(folder):
    write(folder / "area.py", "def area(width, height):\n    return width * height\n")
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "area"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def drive(name, clients, tenon, url, folder):
    client, door = CLIENTS[name]
    home, tree = folder / name / "home", folder / name / "tree"
    home.mkdir(parents=True)
    repository(tree)
    key = subprocess.run([tenon, "key", "create", name, "--user", name, "--role", "developer"], capture_output=True, text=True, check=True)
    os.environ["OPENAI_API_KEY"] = key.stdout.strip()
    # Nothing of whoever runs this: neither their settings nor their keys.
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "OPENAI_API_KEY": os.environ["OPENAI_API_KEY"], "NO_COLOR": "1"}
    command = [str(word) for word in client(clients, url, home)]
    begun = time.monotonic()
    try:
        ended = subprocess.run(
            command, cwd=tree, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return f"{name} did not end within {PATIENCE} s"
    time.sleep(1)  # What an answer came to is written behind it.
    spent = subprocess.run([tenon, "spending", "--json"], capture_output=True, text=True, check=True)
    doors = {row["door"]: row["answers"] for row in json.loads(spent.stdout)["spending"] if row["user"] == name}
    answers = doors.get(door, 0)
    print(f"{name}: exit {ended.returncode}, {answers} answers of {door}, {time.monotonic() - begun:.0f} s", flush=True)
    if ended.returncode != 0 or not answers or not ended.stdout.strip():
        return f"{name} failed, having asked {doors}:\n{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"
    return None


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    clients, binary, names = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3:] or list(CLIENTS)
    shown = subprocess.run([binary, "model", "show", MODEL, "--json"], capture_output=True, text=True, check=True)
    models = pathlib.Path(json.loads(shown.stdout)["listing"]["path"]).parent
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        os.environ.update(TENON_DATA_FOLDER=str(folder / "data"), TENON_MODELS_FOLDER=str(models), TENON_CONTEXT_LENGTH="32768")
        server = subprocess.Popen(
            [binary, "serve", "--listen", "127.0.0.1:0", "--model", MODEL], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            url = server.stdout.readline().strip()
            os.environ["TENON_SERVER"] = url
            failed = [failure for name in names if (failure := drive(name, clients, binary, url, folder))]
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
    if failed:
        raise SystemExit("\n".join(failed))


if __name__ == "__main__":
    main()
