#!/usr/bin/env python3
"""Measures what a `tenon generate` takes beside the model and the project's own tests.

A server on the loopback interface answers at once with the right function, so that nothing is spent on a model. What is
left of the wall-clock time of the whole process, less the time of the project's tests as the evidence states it, is
Tenon's own: start-up, reading the repository, the work copy, prompts, static checks, the sandbox, examples, storing the proposal.

    python3 eval/benchmarks/overhead.py target/release/tenon --out eval/results/overhead.json
"""

import argparse
import http.server
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "examples" / "textkit"
WISH = 'add shout(text) to text.py: upper case with an exclamation mark, e.g. shout("a") == "A!"'
OWN_TESTS = {"unittest", "pytest"}


class Model(http.server.BaseHTTPRequestHandler):
    """Continues the answer whose beginning the request ends with, or gives it whole."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        last = body["messages"][-1]
        opening = last["content"].split("\n", 1)[-1] if last["role"] == "assistant" else None
        answer = 'def shout(text):\n    return text.upper() + "!"'
        if opening is not None and answer.startswith(opening):
            answer = answer[len(opening) :]
        elif opening is None:
            answer = f"```python\n{answer}\n```\n"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        base = {"id": "1", "object": "chat.completion.chunk", "model": "any"}
        deltas = (({"role": "assistant", "content": answer}, None), ({}, "stop"))
        chunks = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in deltas]
        lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        # In one piece: the client may leave as soon as it has what it needs.
        self.wfile.write("".join([*lines, "data: [DONE]\n\n"]).encode())

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tenon")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--out", help="write the figures here as JSON")
    options = parser.parse_args()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder, "textkit")
        shutil.copytree(EXAMPLE, repository)
        for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "start"]):
            subprocess.run(["git", *command], cwd=repository, check=True)
        configuration = Path(folder, "config.toml")
        configuration.write_text(
            'models = ["instant"]\n[[upstream]]\nname = "instant"\nkind = "compatible"\n'
            f'base_url = "http://127.0.0.1:{server.server_address[1]}/v1"\nmodel = "any"\n',
            encoding="utf-8",
        )
        environment = {
            **os.environ,
            "TENON_CONFIG": str(configuration),
            "TENON_DATA_FOLDER": f"{folder}/data",
            "TENON_CACHE_FOLDER": f"{folder}/cache",
        }
        command = [os.path.abspath(options.tenon), "generate", WISH, "--json", "--quiet"]
        for run in range(options.runs + 1):
            begin = time.perf_counter()
            done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
            wall = (time.perf_counter() - begin) * 1000
            if done.returncode != 0:
                raise SystemExit(f"tenon ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
            proposal = json.loads(done.stdout)
            tests = sum(check["duration_ms"] for check in proposal["checks"] if check["check"] in OWN_TESTS)
            checks = {check["check"]: check["duration_ms"] for check in proposal["checks"]}
            if run > 0:  # The first run builds the index.
                rows.append({"wall_ms": round(wall, 1), "tests_ms": tests, "own_ms": round(wall - tests, 1), "checks_ms": checks})
    server.shutdown()
    own = sorted(row["own_ms"] for row in rows)
    figures = {
        "target_ms": 300,
        "median_ms": statistics.median(own),
        "worst_ms": own[-1],
        "level": proposal["level"],
        "runs": rows,
    }
    print(f"beside model and tests: median {figures['median_ms']:.0f} ms, worst {figures['worst_ms']:.0f} ms of {len(rows)} runs")
    if options.out:
        Path(options.out).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
