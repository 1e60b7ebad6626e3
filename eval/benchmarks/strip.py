#!/usr/bin/env python3
"""Copies a results file without what repeats a published suite: prompts, texts, and what the hidden tests said.

    eval/benchmarks/strip.py RESULTS.jsonl STRIPPED.jsonl
"""

import json
import sys

LEFT_OUT = ("texts", "prompt", "said")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    source, target = sys.argv[1:]
    with open(source, encoding="utf-8") as lines, open(target, "w", encoding="utf-8") as out:
        for line in filter(str.strip, lines):
            entry = {key: value for key, value in json.loads(line).items() if key not in LEFT_OUT}
            if "seconds" in entry:
                entry["seconds"] = round(entry["seconds"], 1)
            out.write(json.dumps(entry) + "\n")


if __name__ == "__main__":
    main()
