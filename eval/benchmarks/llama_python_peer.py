#!/usr/bin/env python3
"""Compares the embedded worker with llama.cpp's own Python binding: the same file, prompt, token counts and threads.

Both models stay loaded; the rounds go in turns (worker, binding, worker, binding, ...) and each pair gives one
ratio, so that a machine that slows down for a while slows both. What is compared is the median of the ratios.

    cargo build --release -p tenon-llama --example measure
    python3 -m venv /tmp/peer
    CXXFLAGS="-fno-tree-dse -fno-dse" /tmp/peer/bin/pip install --no-binary llama-cpp-python llama-cpp-python==0.3.36
    /tmp/peer/bin/python eval/benchmarks/llama_python_peer.py --measure target/release/examples/measure MODEL.gguf

The CXXFLAGS matter where GCC compiles for a CPU with AMX: without them the binding dies with a segmentation fault
(GCC drops the stores that fill the tile configuration).
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time

import llama_cpp
import numpy


def prompt_text(tokens, vocabulary, run):
    """Assignments that a code model goes on writing, cut to exactly `tokens` tokens where the vocabulary allows."""
    text = "".join(f"value_{i} = compute({i * 7 + run}, {i})\n" for i in range(tokens))
    kept = vocabulary.tokenize(text.encode(), add_bos=False)[:tokens]
    return vocabulary.detokenize(kept).decode(errors="ignore")


class Worker:
    def __init__(self, program, model, threads):
        command = [program, model, str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.load_seconds = json.loads(self.process.stdout.readline())["load_seconds"]

    def run(self, prompt, tokens):
        self.process.stdin.write(json.dumps({"prompt": prompt, "tokens": tokens}) + "\n")
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Binding:
    def __init__(self, model, threads, flash_attention):
        begin = time.perf_counter()
        self.llama = llama_cpp.Llama(
            model,
            n_ctx=4096,
            n_batch=512,
            n_ubatch=512,
            n_threads=threads,
            n_threads_batch=threads,
            flash_attn=flash_attention,
            verbose=False,
        )
        self.load_seconds = time.perf_counter() - begin

    def run(self, prompt, tokens):
        llama = self.llama
        prompt_tokens = llama.tokenize(prompt.encode(), add_bos=False, special=True)
        llama.reset()
        begin = time.perf_counter()
        llama.eval(prompt_tokens)
        token = self.likeliest()
        read = time.perf_counter()
        written = [token]
        while len(written) < tokens:
            llama.eval([token])
            token = self.likeliest()
            written.append(token)
        end = time.perf_counter()
        return {
            "prompt_tokens": len(prompt_tokens),
            "prompt_seconds": read - begin,
            "written_tokens": len(written),
            "decode_seconds": end - read,
            "text": llama.detokenize(written).decode(errors="replace"),
        }

    def likeliest(self):
        logits = llama_cpp.llama_get_logits(self.llama.ctx)
        return int(numpy.ctypeslib.as_array(logits, shape=(self.llama.n_vocab(),)).argmax())


def speeds(result):
    return {
        "prompt": result["prompt_tokens"] / result["prompt_seconds"],
        # The first token comes with the end of the reading.
        "decode": (result["written_tokens"] - 1) / result["decode_seconds"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--measure", default="target/release/examples/measure", help="the built example `measure`")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt-tokens", type=int, default=500)
    parser.add_argument("--written-tokens", type=int, default=64)
    parser.add_argument("--flash-attention", action="store_true", help="turn it on in the binding, where it is off")
    parser.add_argument("--out", help="write the raw data here as JSON")
    options = parser.parse_args()

    binding = Binding(options.model, options.threads, options.flash_attention)
    worker = Worker(options.measure, options.model, options.threads)
    rounds = []
    for run in range(options.rounds + 1):
        prompt = prompt_text(options.prompt_tokens, binding.llama, run)
        ours = worker.run(prompt, options.written_tokens)
        theirs = binding.run(prompt, options.written_tokens)
        if ours["prompt_tokens"] != theirs["prompt_tokens"]:
            sys.exit(f"the prompts differ: {ours['prompt_tokens']} and {theirs['prompt_tokens']} tokens")
        if run > 0:  # The first pair only warms both up.
            rounds.append({"worker": speeds(ours), "binding": speeds(theirs), "same_text": ours["text"] == theirs["text"]})
    worker.close()

    def median(side, what):
        return statistics.median(entry[side][what] for entry in rounds)

    def ratio(what):
        return statistics.median(entry["worker"][what] / entry["binding"][what] for entry in rounds)

    report = {
        "model": options.model,
        "machine": {"processor": platform.processor() or platform.machine(), "threads": options.threads},
        "binding": {"version": llama_cpp.__version__, "flash_attention": options.flash_attention},
        "system": llama_cpp.llama_print_system_info().decode(),
        "load_seconds": {"worker": worker.load_seconds, "binding": binding.load_seconds},
        "rounds": rounds,
    }
    for what in ("prompt", "decode"):
        report[what] = {"worker": median("worker", what), "binding": median("binding", what), "ratio": ratio(what)}
        figures = report[what]
        print(f"{what:7} worker {figures['worker']:8.1f} tokens/s   binding {figures['binding']:8.1f} tokens/s   ratio {figures['ratio']:.3f}")
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)


if __name__ == "__main__":
    main()
