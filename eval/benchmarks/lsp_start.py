#!/usr/bin/env python3
"""How soon `tenon lsp` answers `initialize`, and how much memory it holds then, without a model in memory.

    eval/benchmarks/lsp_start.py TENON OUT.json
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 20


def measure(tenon, folder):
    begun = time.perf_counter()
    process = subprocess.Popen(
        [tenon, "lsp", "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder
    )
    parameters = {"processId": None, "rootUri": pathlib.Path(folder).as_uri(), "capabilities": {}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": parameters}).encode()
    process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    process.stdin.flush()
    length = int(process.stdout.readline().split(b":")[1])
    process.stdout.readline()
    assert json.loads(process.stdout.read(length))["id"] == 1
    milliseconds = (time.perf_counter() - begun) * 1000
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    kibibytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    process.kill()
    process.wait()
    return milliseconds, kibibytes / 1024


def main():
    tenon, out = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        rounds = [measure(tenon, folder) for _ in range(ROUNDS)]
    times, sizes = zip(*rounds)
    report = {
        "rounds": ROUNDS,
        "initialize_ms": {"median": statistics.median(times), "worst": max(times)},
        "resident_mib": {"median": statistics.median(sizes), "worst": max(sizes)},
    }
    pathlib.Path(out).write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
