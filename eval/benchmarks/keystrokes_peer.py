#!/usr/bin/env python3
"""Compares completion while typing: Tenon with everything that it does, and llama.cpp's Python server with the same model.

The server is asked at every key for the same window of text, without our memory, checks and preparation. The sessions go in
turns, so that a machine that slows down for a while slows both. What is compared is the median time to what was shown.

    python3 -m venv /tmp/peer
    CXXFLAGS="-fno-tree-dse -fno-dse" /tmp/peer/bin/pip install --no-binary llama-cpp-python 'llama-cpp-python[server]==0.3.36'
    eval/benchmarks/keystrokes_peer.py --tenon target/release/tenon --python /tmp/peer/bin/python --model-file MODEL.gguf \\
        --out eval/results/keystrokes-peer.json eval/keystrokes/*.jsonl
"""

import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

MODEL = "qwen2.5-coder-0.5b"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit("the Python server ended before it answered")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=1).read()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the Python server does not answer")


def replay(command, trace, environment):
    done = subprocess.run([*command, "--json", trace], env=environment, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    return said["answers"][0], said["report"]["saved"]


def figures(sessions):
    answers = [answer for answers, _ in sessions for answer in answers]
    times = sorted(answer["milliseconds"] for answer in answers if answer["outcome"] == "shown")
    rank = lambda percent: times[max(-(-len(times) * percent // 100), 1) - 1] if times else None
    return {
        "keys": len(answers),
        "shown": len(times),
        "right": sum(answer.get("right", False) for answer in answers),
        "saved": sum(saved for _, saved in sessions),
        "remembered": sum(answer.get("by") == "memory" for answer in answers),
        "underway": sum(answer.get("by") == "underway" for answer in answers),
        "superseded": sum(answer["outcome"] == "superseded" for answer in answers),
        "p50_ms": rank(50),
        "p95_ms": rank(95),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenon", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--model-file", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("traces", nargs="+")
    arguments = parser.parse_args()
    port = free_port()
    server = subprocess.Popen(
        [arguments.python, "-m", "llama_cpp.server", "--model", arguments.model_file, "--host", "127.0.0.1"]
        + ["--port", str(port), "--n_ctx", "4096", "--n_threads", str(os.cpu_count()), "--verbose", "false"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port, server)
        with tempfile.TemporaryDirectory() as folder:
            configuration = pathlib.Path(folder, "config.toml")
            configuration.write_text(
                f'[[upstream]]\nname = "peer"\nkind = "compatible"\nbase_url = "http://127.0.0.1:{port}/v1"\n'
                'model = "any"\ncontext_length = 4096\nfill = "suffix"\n'
            )
            environment = {**os.environ, "TENON_CONFIG": str(configuration)}
            tenon, peer = [], []
            for number, trace in enumerate(arguments.traces, 1):
                command = [arguments.tenon, "replay-keys", "--model"]
                tenon.append(replay([*command, MODEL], trace, environment))
                peer.append(replay([*command, "peer", "--plain"], trace, environment))
                print(f"{number} of {len(arguments.traces)}: {figures(tenon)} {figures(peer)}", flush=True)
    finally:
        server.terminate()
        server.wait()
    report = {"tenon": figures(tenon), "llama_cpp_server": figures(peer)}
    ratio = report["tenon"]["p50_ms"], report["llama_cpp_server"]["p50_ms"]
    report["p50_ratio"] = ratio[0] / ratio[1] if all(ratio) else None
    answers = [answer for answers, _ in tenon for answer in answers]
    asked = [answer["milliseconds"] for answer in answers if answer["outcome"] == "shown" and answer["by"] == "model"]
    report["tenon_model_p50_ms"] = statistics.median(asked) if asked else None
    pathlib.Path(arguments.out).write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
