#!/usr/bin/env python3
"""What the service costs: how soon it is there, how much memory it takes, and how fast its own interface and its jobs are.

Four figures. The start of `tenon serve` to the first answer, with a new data folder and with one that is there. Resident memory
after a thousand requests. Latency at a steady rate of requests that are authorised, limited and recorded. And jobs that do
nothing through a server, a database and two workers, on SQLite and on PostgreSQL.

    cargo build --release -p tenon-cli && cargo build --release -p tenon-server --examples
    apt-get install postgresql
    eval/benchmarks/service.py --release target/release --out eval/results/service.json
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import tempfile
import time

READS = 1000
LIMIT = {"scope": "each:user", "unit": "requests", "window_seconds": 3600, "quota": 10_000_000}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`tenon serve`, for jobs alone if nothing else is said, on the first core; `started` is how long it took to answer, in milliseconds."""

    def __init__(self, program, folder, arguments=("--no-models", "--workers", "0")):
        self.port = free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TENON_")}
        pathlib.Path(folder, "config.toml").touch()
        environment["TENON_CONFIG"] = f"{folder}/config.toml"
        environment["TENON_DATA_FOLDER"] = f"{folder}/data"
        environment["TENON_CACHE_FOLDER"] = f"{folder}/cache"
        command = ["taskset", "-c", "0", program, "serve", *arguments]
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            [*command, "--listen", f"127.0.0.1:{self.port}"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.wait("/health/live")
        self.started = (time.perf_counter() - begun) * 1000
        self.wait("/health/ready")
        self.key = pathlib.Path(folder, "data/service/first.key").read_text().strip()

    def wait(self, path):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SystemExit("the server ended before it answered")
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", path)
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            finally:
                connection.close()
            time.sleep(0.002)
        raise SystemExit(f"nothing answers at {path}")

    def ask(self, connection, method, path, body=None):
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        connection.request(method, f"/api/v1{path}", body=body and json.dumps(body), headers=headers)
        answer = connection.getresponse()
        text = answer.read()
        left = re.search(r";r=(\d+)", answer.headers.get("ratelimit", ""))
        self.left = left and int(left.group(1))
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text) if text else None

    def memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024

    def stop(self):
        self.process.terminate()
        if self.process.wait(timeout=60) != 0:
            raise SystemExit("the server did not stop in good order")


def starts(program, rounds):
    first, second = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            for found in (first, second):
                server = Server(program, folder)
                found.append(server.started)
                server.stop()
    return {"first_ms": statistics.median(first), "second_ms": statistics.median(second)}


def interface(program, examples, rate, seconds):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(program, folder)
        try:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            repository = {"name": "sample", "kind": "remote", "location": "https://host.invalid/sample"}
            server.ask(connection, "POST", "/repositories", repository)
            job = {"task": "generate", "repository": "sample", "intent": "nothing"}
            path = f"/jobs/{server.ask(connection, 'POST', '/jobs', job)['id']}"
            server.ask(connection, "PUT", "/limits", LIMIT)
            before = server.memory()
            for _ in range(READS):
                server.ask(connection, "GET", path)
            memory = {"before_mib": before, "after_mib": server.memory()}
            url = f"http://127.0.0.1:{server.port}/api/v1{path}"
            command = ["taskset", "-c", "1", str(examples / "load"), url, str(rate), str(seconds), server.key]
            load = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            # Each of them was counted and recorded, or the figure is of something else.
            report = server.ask(connection, "GET", "/audit/verify")
            used = LIMIT["quota"] - server.left
            assert used >= READS + load["requests"] - load["errors"], used
            assert report["is_whole"] and report["records"] >= used, report
        finally:
            server.stop()
    return memory, {"rate": rate, "seconds": seconds, **load, "records": report["records"]}


def machine(examples, database, jobs):
    command = [str(examples / "machine"), database, str(jobs)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def table(report):
    start, memory, load = report["start"], report["memory"], report["interface"]
    rows = [
        ("start, new data folder", f"{start['first_ms']:.0f} ms"),
        ("start, data folder that is there", f"{start['second_ms']:.0f} ms"),
        (f"resident memory after {READS} requests", f"{memory['after_mib']:.1f} MiB"),
        (f"GET of a job at {load['rate']}/s: p50, p95, p99", "{p50_ms:.1f}, {p95_ms:.1f}, {p99_ms:.1f} ms".format(**load)),
        ("of these failed", str(load["errors"])),
    ]
    for one in report["machine"]:
        rows.append((f"jobs on {one['database']}", f"{one['jobs_per_second']:.0f} a second"))
        begun = "{begun_p50_ms:.1f}, {begun_p95_ms:.1f}, {begun_max_ms:.1f} ms".format(**one)
        rows.append((f"accepted to begun on {one['database']}: p50, p95, max", begun))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", required=True, help="the folder with tenon and examples/")
    parser.add_argument("--rounds", type=int, default=5, help="how often it is started with each folder")
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    program = str(pathlib.Path(arguments.release, "tenon"))
    examples = pathlib.Path(arguments.release, "examples")
    start = starts(program, arguments.rounds)
    memory, load = interface(program, examples, arguments.rate, arguments.seconds)
    report = {
        "start": start,
        "memory": memory,
        "interface": load,
        "machine": [machine(examples, database, arguments.jobs) for database in ("sqlite", "postgres")],
    }
    pathlib.Path(arguments.out).write_text(json.dumps(report, indent=2) + "\n")
    print(table(report))


if __name__ == "__main__":
    main()
