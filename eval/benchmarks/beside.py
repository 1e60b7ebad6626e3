#!/usr/bin/env python3
"""Sixteen people who complete code at once, alone and beside one who has a long text written by the larger model.

    eval/benchmarks/beside.py TENON OUT.json
"""

import http.client
import json
import pathlib
import statistics
import subprocess
import sys
import threading
import time

PEOPLE = 16
REQUESTS = 6
SMALL, LARGE = "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"


def post(address, path, body):
    connection = http.client.HTTPConnection(address, timeout=600)
    connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
    return connection.getresponse()


def complete(address, person, number, times):
    names = f"width_{person}_{number}", f"height_{person}_{number}"
    prefix = f"def area_{person}_{number}({names[0]}, {names[1]}):\n    return "
    # A stream without a deadline, which would bound what is to be measured.
    asked = {"model": SMALL, "prompt": prefix, "suffix": "\n", "max_tokens": 24, "temperature": 0, "stop": ["\n"], "stream": True}
    begun = time.perf_counter()
    reply = post(address, "/v1/completions", asked)
    lines = [line for line in reply.read().decode().split("\n") if line.startswith("data: ")]
    assert reply.status == 200 and lines[-1] == "data: [DONE]", (reply.status, lines[-1:])
    text = "".join(json.loads(line[6:])["choices"][0]["text"] for line in lines[:-1] if '"text"' in line)
    times.append(((time.perf_counter() - begun) * 1000, bool(text)))


def everybody(address, offset):
    times = []

    def person(number):
        for request in range(REQUESTS):
            complete(address, number, offset + request, times)

    threads = [threading.Thread(target=person, args=(number,)) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    waits = sorted(wait for wait, _ in times)
    shown = sum(is_shown for _, is_shown in times)
    return {"p50_ms": statistics.median(waits), "p95_ms": waits[-(-len(waits) * 95 // 100) - 1], "shown": shown, "of": len(times)}


def write_for_long(address, stop, written):
    message = {"role": "user", "content": "Write a long Python module with forty different string functions."}
    while not stop.is_set():
        reply = post(address, "/v1/chat/completions", {"model": LARGE, "messages": [message], "max_tokens": 2000, "stream": True})
        while not stop.is_set() and (line := reply.readline()):
            written[0] += line.startswith(b"data: {")
        reply.close()


def main():
    tenon, out = sys.argv[1:]
    server = subprocess.Popen(
        [tenon, "serve", "--listen", "127.0.0.1:0", "--model", f"{SMALL},{LARGE}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        address = server.stdout.readline().strip().removeprefix("http://")
        everybody(address, 0)  # Everything is loaded and warm.
        rounds = []
        for number in range(1, 4):
            alone = everybody(address, 100 * number)
            stop, written = threading.Event(), [0]
            writer = threading.Thread(target=write_for_long, args=(address, stop, written))
            writer.start()
            while not written[0]:
                time.sleep(0.05)
            beside = everybody(address, 100 * number + 50)
            stop.set()
            writer.join()
            rounds.append({"alone": alone, "beside": beside, "p95_ratio": beside["p95_ms"] / alone["p95_ms"]})
            print(rounds[-1], flush=True)
    finally:
        server.terminate()
        server.wait()
    report = {"people": PEOPLE, "rounds": rounds, "p95_ratio_median": statistics.median(r["p95_ratio"] for r in rounds)}
    pathlib.Path(out).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
