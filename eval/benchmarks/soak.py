#!/usr/bin/env python3
"""Whether `tenon serve` keeps what it should let go: memory and open files under a steady load, sampled every ten seconds.

The load, each second: requests to a model behind the gateway, whole and as streams, of which some are given up in the middle; reads of
a job; a job that is submitted and cancelled; a list; and a request that is refused. The upstream is a small server of this file.
The slopes are those of a straight line through the samples after the first third; the cache of answers has a mebibyte, so that it
is filled by then.

    eval/benchmarks/soak.py --release target/release --minutes 30 --out eval/results/soak.json
"""

import argparse
import http.client
import http.server
import json
import os
import pathlib
import re
import tempfile
import threading
import time

from service import LIMIT, Server

PERIOD = 10


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        usage = {"prompt_tokens": 20, "completion_tokens": 8, "total_tokens": 28}
        words = [f"word{number} " for number in range(8)]
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": "".join(words)}, "finish_reason": "stop"}
            return self.answer("application/json", json.dumps({"choices": [choice], "usage": usage}))
        chunks = [{"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]} for word in words]
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        chunks.append({"choices": [], "usage": usage})
        lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"]
        return self.answer("text/event-stream", "".join(lines))

    def answer(self, kind, text):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


class Load(threading.Thread):
    """A client with a connection of its own, which asks once in every `pause` seconds until it is stopped."""

    def __init__(self, server, pause, ask):
        super().__init__(daemon=True)
        self.server, self.pause, self.ask = server, pause, ask
        self.asked, self.wrong, self.ends = 0, [], threading.Event()

    def run(self):
        connection = None
        next_at = time.monotonic()
        while not self.ends.is_set():
            connection = connection or http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
            try:
                expected, status = self.ask(connection, self.asked)
                if status != expected:
                    self.wrong.append(status)
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(repr(error))
                connection = None
            if connection and connection.sock is None:
                connection = None
            self.asked += 1
            next_at += self.pause
            time.sleep(max(0, next_at - time.monotonic()))


def loads(server, job):
    headers = {"authorization": f"Bearer {server.key}", "content-type": "application/json"}

    def send(connection, method, path, body=None, headers=headers):
        connection.request(method, path, body=body and json.dumps(body), headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def chat(connection, number):
        # Each question is a new one, so that the cache of answers is filled and emptied.
        body = {"messages": [{"role": "user", "content": f"question {number}"}], "temperature": 0, "max_tokens": 8}
        return 200, send(connection, "POST", "/v1/chat/completions", body)[0]

    def stream(connection, number):
        body = {"messages": [{"role": "user", "content": f"stream {number}"}], "stream": True, "max_tokens": 8}
        connection.request("POST", "/v1/chat/completions", body=json.dumps(body), headers=headers)
        answer = connection.getresponse()
        if number % 5 == 0:
            answer.read(16)
            connection.close()
        else:
            answer.read()
        return 200, answer.status

    def work(connection, number):
        body = {"task": "generate", "repository": "sample", "intent": f"nothing {number}"}
        _, text = send(connection, "POST", "/api/v1/jobs", body)
        return 202, send(connection, "POST", f"/api/v1/jobs/{json.loads(text)['id']}/cancel")[0]

    return {
        "chat": Load(server, 0.1, chat),
        "stream": Load(server, 0.2, stream),
        "read": Load(server, 0.05, lambda connection, _: (200, send(connection, "GET", f"/api/v1/jobs/{job}")[0])),
        "list": Load(server, 1, lambda connection, _: (200, send(connection, "GET", "/api/v1/jobs?limit=50")[0])),
        "work": Load(server, 1, work),
        "metrics": Load(server, 5, lambda connection, _: (200, send(connection, "GET", "/metrics")[0])),
        "refused": Load(server, 1, lambda connection, _: (401, send(connection, "GET", "/api/v1/me", headers={})[0])),
    }


def slope(samples, name):
    """Of a straight line through the samples, an hour."""
    late = samples[len(samples) // 3 :]
    times, values = [one["seconds"] for one in late], [one[name] for one in late]
    middle, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((time - middle) ** 2 for time in times)
    return 3600 * sum((time - middle) * (value - mean) for time, value in zip(times, values)) / spread


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", type=pathlib.Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        url = f"http://127.0.0.1:{upstream.server_address[1]}/v1"
        settings = f'[[upstream]]\nname = "fake"\nkind = "compatible"\nbase_url = "{url}"\nmodel = "fake"\n'
        pathlib.Path(folder, "config.toml").write_text(settings)
        server = Server(arguments.release / "tenon", folder, ["--model", "fake", "--workers", "0", "--cache-size", "1"])
        try:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            place = {"name": "sample", "kind": "remote", "location": "https://host.invalid/sample"}
            server.ask(connection, "POST", "/repositories", place)
            server.ask(connection, "PUT", "/limits", LIMIT)
            server.ask(connection, "PUT", "/limits", {**LIMIT, "unit": "tokens", "quota": 10**9})
            job = {"task": "generate", "repository": "sample", "intent": "nothing"}
            running = loads(server, server.ask(connection, "POST", "/jobs", job)["id"])
            for load in running.values():
                load.start()
            samples, begun = [], time.monotonic()
            while time.monotonic() - begun < arguments.minutes * 60:
                time.sleep(PERIOD)
                open_files = len(os.listdir(f"/proc/{server.process.pid}/fd"))
                threads = re.search(r"Threads:\s+(\d+)", pathlib.Path(f"/proc/{server.process.pid}/status").read_text())
                seconds = round(time.monotonic() - begun)
                sample = {"mib": round(server.memory(), 2), "files": open_files, "threads": int(threads.group(1))}
                samples.append({"seconds": seconds, **sample})
            for load in running.values():
                load.ends.set()
            for load in running.values():
                load.join()
        finally:
            server.stop()
    report = {
        "minutes": arguments.minutes,
        "asked": {name: load.asked for name, load in running.items()},
        "wrong": {name: load.wrong[:5] for name, load in running.items() if load.wrong},
        "mib_an_hour": round(slope(samples, "mib"), 2),
        "files_an_hour": round(slope(samples, "files"), 2),
        "first": samples[0],
        "third": samples[len(samples) // 3],
        "last": samples[-1],
        "samples": samples[:: max(1, len(samples) // 60)],
    }
    print(json.dumps({name: value for name, value in report.items() if name != "samples"}, indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
