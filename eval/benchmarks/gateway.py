#!/usr/bin/env python3
"""What a gateway costs: an upstream that answers at once, asked directly, through `tenon serve`, and through LiteLLM.

Two figures. Added latency at a steady rate: the direct call and the calls through the gateway go in turns, and what is compared
is the median of the differences. The highest rate: as many requests as one core of the gateway serves, with wrk, in turns too.
The gateway is asked in two ways: with keys from a file, and governed: a key of a user's, limits of requests, tokens and cost, a
price, and the audit log.

    cargo build --release -p tenon-cli && cargo build --release -p tenon-server --examples
    apt-get install wrk
    python3 -m venv /tmp/litellm && /tmp/litellm/bin/pip install 'litellm[proxy]==1.100.0'
    eval/benchmarks/gateway.py --release target/release --litellm /tmp/litellm/bin/litellm --out eval/results/gateway.json
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

from service import Server

KEY = "0123456789abcdef0123456789abcdef"
LIMITS = [
    {"scope": "each:user", "unit": unit, "window_seconds": 86400, "quota": 10**12}
    for unit in ("requests", "tokens", "cost_micros")
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url, process):
    for _ in range(1200):
        if process.poll() is not None:
            raise SystemExit(f"what serves {url} ended before it answered")
        try:
            urllib.request.urlopen(urllib.request.Request(url, headers={"authorization": f"Bearer {KEY}"}), timeout=1).read()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nothing answers at {url}")


def start(command, core, environment=None):
    return subprocess.Popen(
        ["taskset", "-c", str(core), *command],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def load(program, url, rate, seconds, key=KEY):
    command = ["taskset", "-c", "1", program, f"{url}/v1/chat/completions", str(rate), str(seconds), key]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def upstream_count(url):
    return int(urllib.request.urlopen(f"{url}/count", timeout=10).read())


def governed(program, folder, configuration):
    """A service with a ledger and a log, and everything counted."""
    house = pathlib.Path(folder, "governed")
    house.mkdir()
    pathlib.Path(house, "config.toml").write_text(configuration)
    server = Server(program, house, ("--workers", "0", "--max-requests", "4096", "--cache-size", "0"))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    for limit in LIMITS:
        server.ask(connection, "PUT", "/limits", limit)
    return server


def highest_rate(url, seconds, folder, key):
    script = pathlib.Path(folder, "post.lua")
    script.write_text(
        "local number = 0\n"
        "request = function()\n"
        "  number = number + 1\n"
        '  local body = \'{"model":"m","temperature":0,"max_tokens":8,"messages":[{"role":"user","content":"Say hello, \' .. number .. \'"}]}\'\n'
        f'  local headers = {{ ["content-type"] = "application/json", ["authorization"] = "Bearer {key}" }}\n'
        '  return wrk.format("POST", "/v1/chat/completions", headers, body)\n'
        "end\n"
    )
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c16", f"-d{seconds}s", "-s", str(script), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise SystemExit(f"the gateway failed:\n{said}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", required=True, help="the folder with tenon and examples/")
    parser.add_argument("--litellm", help="LiteLLM's command; without it only the latency is measured")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    examples = pathlib.Path(arguments.release, "examples")
    running = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            ports = {name: free_port() for name in ("upstream", "tenon", "litellm")}
            urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
            running.append(start([str(examples / "upstream"), f"127.0.0.1:{ports['upstream']}"], 1))
            wait_for(f"{urls['upstream']}/count", running[-1])
            text = (
                'models = ["m"]\n[[upstream]]\nname = "m"\nkind = "compatible"\nmodel = "m"\n'
                f'base_url = "{urls["upstream"]}/v1"\ninput_price = 1.0\noutput_price = 2.0\n'
            )
            configuration = pathlib.Path(folder, "config.toml")
            configuration.write_text(text)
            known = pathlib.Path(folder, "keys")
            known.write_text(KEY + "\n")
            command = [str(pathlib.Path(arguments.release, "tenon")), "serve", "--api-keys", str(known)]
            command += ["--listen", f"127.0.0.1:{ports['tenon']}", "--max-requests", "4096"]
            command += ["--cache-size", "0"]
            running.append(start(command, 0, {"TENON_CONFIG": str(configuration), "TENON_DATA_FOLDER": f"{folder}/data"}))
            wait_for(f"{urls['tenon']}/v1/models", running[-1])
            house = governed(str(pathlib.Path(arguments.release, "tenon")), folder, text)
            running.append(house.process)
            urls["governed"] = f"http://127.0.0.1:{house.port}"
            keys = {"tenon": KEY, "governed": house.key, "litellm": KEY}
            added = {"tenon": [], "governed": []}
            loads = {"direct": [], "tenon": [], "governed": []}
            for number in range(arguments.rounds):
                plan = [str(examples / "load"), urls["upstream"], arguments.rate, arguments.seconds]
                loads["direct"].append(load(*plan))
                for name, found in added.items():
                    plan[1] = urls[name]
                    loads[name].append(load(*plan, keys[name]))
                    difference = {p: loads[name][-1][p] - loads["direct"][-1][p] for p in ("p50_ms", "p95_ms", "p99_ms")}
                    found.append(difference)
                    print(f"round {number + 1}: added by {name} {difference}", flush=True)
            connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=60)
            records = house.ask(connection, "GET", "/audit/verify")
            asked = sum(one["requests"] for one in loads["governed"])
            # Each of them stands in the log, as answered and as asked of a model, or the figure is of something else.
            assert records["is_whole"] and records["records"] >= 2 * asked, records
            report = {
                "rate": arguments.rate,
                "added_median": {
                    name: {p: statistics.median(one[p] for one in found) for p in found[0]} for name, found in added.items()
                },
                **loads,
            }
            if arguments.litellm:
                if not shutil.which("wrk"):
                    raise SystemExit("wrk is missing: apt-get install wrk")
                settings = pathlib.Path(folder, "litellm.yaml")
                settings.write_text(
                    "model_list:\n  - model_name: m\n    litellm_params:\n      model: openai/m\n"
                    f"      api_base: {urls['upstream']}/v1\n      api_key: none\n"
                    f"general_settings:\n  master_key: {KEY}\n"
                )
                command = [arguments.litellm, "--config", str(settings), "--port", str(ports["litellm"])]
                command += ["--host", "127.0.0.1", "--num_workers", "1", "--telemetry", "False"]
                running.append(start(command, 0, {"LITELLM_LOG": "ERROR"}))
                wait_for(f"{urls['litellm']}/v1/models", running[-1])
                rates = {"tenon": [], "governed": [], "litellm": []}
                for number in range(arguments.rounds):
                    for name, found in rates.items():
                        before = upstream_count(urls["upstream"])
                        found.append(highest_rate(urls[name], arguments.seconds, folder, keys[name]))
                        reached = upstream_count(urls["upstream"]) - before
                        # Whatever was answered, the upstream was asked for.
                        assert reached >= 0.95 * found[-1] * arguments.seconds, (name, reached, found[-1])
                    print(f"round {number + 1}: a second {({name: round(found[-1]) for name, found in rates.items()})}", flush=True)
                report["requests_per_second"] = rates
                report["rate_ratio_median"] = {
                    name: statistics.median(own / other for own, other in zip(rates[name], rates["litellm"])) for name in added
                }
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait()
    pathlib.Path(arguments.out).write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps({key: report[key] for key in report if key.endswith("median")}, indent=2))


if __name__ == "__main__":
    main()
