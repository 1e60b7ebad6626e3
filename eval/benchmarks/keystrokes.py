#!/usr/bin/env python3
"""Makes typing sessions for `tenon replay-keys` out of a repository's own history.

    eval/benchmarks/keystrokes.py --count 24 eval/keystrokes

A session is a real edit: a run of lines that some commit added in one place, typed character by character into the file
as it was, with the pauses of a person (seeded, so that the same history gives the same sessions). Editors indent new
lines: a line end and the indentation are one key.
"""

import argparse
import json
import pathlib
import random
import subprocess

LANGUAGES = (".py", ".rs", ".js", ".ts", ".go", ".java")
# A file that is longer is cut around the edit: what lies farther away is in no window.
LINES_AROUND = 120


def git(*arguments):
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


def added_runs(commit):
    """(path, first line in the new file, added lines) of every place where the commit only adds."""
    path, line, run, start, removed = None, 0, [], 0, False
    for text in git("show", "--format=", "--unified=0", "--diff-filter=M", "--no-renames", commit).splitlines() + ["@@ end"]:
        if text.startswith(("diff ", "@@")) and run:
            if not removed:
                yield path, start, run
            run = []
        if text.startswith("+++ b/"):
            path = text[6:]
        elif text.startswith("@@ -"):
            removed = False
            start = line = int(text.split("+")[1].split()[0].split(",")[0])
        elif text.startswith("-") and not text.startswith("---"):
            removed = True
        elif text.startswith("+") and not text.startswith("+++"):
            run.append(text[1:])
            line += 1


def session(commit, path, start, lines, random_source):
    after = git("show", f"{commit}:{path}").split("\n")
    above = after[max(0, start - 1 - LINES_AROUND) : start - 1]
    below = after[start - 1 + len(lines) :][:LINES_AROUND]
    before = "".join(line + "\n" for line in above)
    behind = "".join(line + "\n" for line in below)
    keys = []
    at = len(before.encode())
    indentation = len(lines[0]) - len(lines[0].lstrip())
    first = lines[0][:indentation]

    def key(pause, insert):
        nonlocal at
        keys.append({"after_ms": int(pause), "at": at, "insert": insert})
        at += len(insert.encode())

    def pause(scale):
        return min(random_source.lognormvariate(0, 0.5) * scale, 4000)

    # The empty line is there; the person begins to write in it.
    text = before + first + "\n" + behind
    at += len(first.encode())
    for number, line in enumerate(lines):
        if number > 0:
            width = len(line) - len(line.lstrip())
            key(pause(350), "\n" + line[:width])
            line = line[width:]
        else:
            line = line[indentation:]
        for position, character in enumerate(line):
            # A person thinks at the beginning of a line and of a word.
            scale = 600 if position == 0 else 250 if line[position - 1] in " (.," else 140
            key(pause(scale), character)
    return {"path": path, "text": text}, keys


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    random_source = random.Random(options.seed)
    candidates = {}
    for commit in git("log", "--format=%H", "--reverse").split():
        for path, start, lines in added_runs(commit):
            characters = sum(len(line) for line in lines)
            if path.endswith(LANGUAGES) and 3 <= len(lines) <= 10 and 90 <= characters <= 360 and lines[0].strip():
                candidates.setdefault(pathlib.Path(path).suffix, []).append((commit, path, start, lines))
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    chosen = []
    for found in candidates.values():
        random_source.shuffle(found)
    # Each language in turn, each file once.
    while len(chosen) < options.count and any(candidates.values()):
        for found in candidates.values():
            if found and len(chosen) < options.count:
                candidate = found.pop()
                if all(candidate[1] != other[1] for other in chosen):
                    chosen.append(candidate)
    for number, candidate in enumerate(chosen, 1):
        head, keys = session(*candidate, random_source)
        name = f"{number:02}-{pathlib.Path(candidate[1]).stem}{pathlib.Path(candidate[1]).suffix}.jsonl"
        lines = [json.dumps(line, ensure_ascii=False) for line in [head, *keys]]
        (out / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{name}: {len(keys)} keys, {sum(key['after_ms'] for key in keys) / 1000:.0f} s")


if __name__ == "__main__":
    main()
