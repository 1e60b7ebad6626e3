#!/usr/bin/env python3
"""Asks llama.cpp's own Python binding what a `raw` HumanEval run asked the embedded worker, and compares the answers.

The same file of weights, the same prompts (they stand in the results of the `raw` run), greedy decoding. Both answers
are judged by the same program in the same bubblewrap sandbox, so that what differs is the runtime alone.

    tenon eval run HumanEval.jsonl.gz --format humaneval --mode raw --model qwen2.5-coder-0.5b --out raw.jsonl
    python3 -m venv /tmp/peer
    CXXFLAGS="-fno-tree-dse -fno-dse" /tmp/peer/bin/pip install --no-binary llama-cpp-python llama-cpp-python==0.3.36
    /tmp/peer/bin/python eval/benchmarks/humaneval_python_peer.py MODEL.gguf HumanEval.jsonl.gz raw.jsonl --out peer.jsonl

A run that was interrupted continues where it stopped.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time

import llama_cpp
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

MOST_TOKENS = 768
STOP = ["\n```"]


def read_lines(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


class Binding:
    def __init__(self, model, threads):
        self.llama = llama_cpp.Llama(model, n_ctx=4096, n_threads=threads, n_threads_batch=threads, verbose=False)
        self.formatter = Jinja2ChatFormatter(
            template=self.llama.metadata["tokenizer.chat_template"], eos_token="<|im_end|>", bos_token="", add_generation_prompt=True
        )

    def answer(self, prompt):
        text = self.formatter(messages=prompt["messages"]).prompt + prompt["prefill"]
        tokens = self.llama.tokenize(text.encode(), add_bos=False, special=True)
        reply = self.llama.create_completion(tokens, temperature=0.0, max_tokens=MOST_TOKENS, stop=STOP)
        return reply["choices"][0]["text"], reply["usage"]


def holds(task, text):
    """Runs the task's hidden tests behind the answer; reaching the last line counts, not the exit code."""
    program = f"{task['prompt']}\n    pass\n\n{text}\n\n{task['test']}\n\ncheck({task['entry_point']})\nprint('judged')\n"
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "judged.py"), "w", encoding="utf-8") as file:
            file.write(program)
        sandbox = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--ro-bind", "/usr", "/usr"]
        for link in ("bin", "lib", "lib64", "sbin"):
            sandbox += ["--ro-bind-try", f"/{link}", f"/{link}"]
        sandbox += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--ro-bind", folder, "/work", "--chdir", "/work"]
        try:
            run = subprocess.run(
                [*sandbox, "/usr/bin/python3", "-I", "judged.py"], capture_output=True, text=True, timeout=10, check=False
            )
        except subprocess.TimeoutExpired:
            return False
        return run.returncode == 0 and run.stdout.rstrip().endswith("judged")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("suite", help="HumanEval.jsonl or .jsonl.gz")
    parser.add_argument("raw", help="the results of `tenon eval run … --mode raw`")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, help="only the first N tasks")
    parser.add_argument("--out", required=True, help="one line a task; continued if it exists")
    options = parser.parse_args()

    tasks = {task["task_id"]: task for task in read_lines(options.suite)}
    ours = [line for line in read_lines(options.raw) if "prompt" in line]
    ours.sort(key=lambda line: int(line["id"].rsplit("/", 1)[-1]))
    ours = ours[: options.limit]
    done = {line["id"]: line for line in read_lines(options.out)} if os.path.exists(options.out) else {}
    binding = Binding(options.model, options.threads)
    with open(options.out, "a", encoding="utf-8") as out:
        for line in ours:
            if line["id"] in done:
                continue
            prompt = json.loads(line["prompt"])
            opening = prompt["prefill"].split("\n", 1)[1]
            begin = time.perf_counter()
            text, usage = binding.answer(prompt)
            text = opening + text
            task = tasks[line["id"]]
            result = {
                "id": line["id"],
                "passed": holds(task, text),
                "worker_passed": holds(task, line["texts"][0]),
                "same_text": text.rstrip() == line["texts"][0].rstrip(),
                "completion_tokens": usage["completion_tokens"],
                "seconds": round(time.perf_counter() - begin, 3),
                "text": text,
            }
            done[line["id"]] = result
            out.write(json.dumps(result) + "\n")
            out.flush()
            if sys.stderr.isatty():
                print(f"\r{len(done)}/{len(ours)}", end="", file=sys.stderr)
    results = [done[line["id"]] for line in ours]
    count = len(results)

    def share(key):
        passed = sum(result[key] for result in results)
        return f"{100 * passed / count:.1f}% ({passed}/{count})"

    print(f"binding {llama_cpp.__version__}   {share('passed')}")
    print(f"worker           {share('worker_passed')}")
    print(f"the same text    {share('same_text')}")


if __name__ == "__main__":
    main()
