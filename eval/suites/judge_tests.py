#!/usr/bin/env python3
"""Judges tests that were written for a function: they pass on the right code and notice at least one fault in it.

Packed into every task of the kind `test` as a hidden file, beside `mutants.json`:
{"language": "python|rust|javascript", "mutants": [{"file": "text.py", "find": "<=", "replace": "<"}, …]}
A mutant replaces the first place where `find` stands. Mutants must compile, or their death would say nothing.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COMMANDS = {
    "python": [sys.executable, "-B", __file__, "--run-python"],
    "rust": ["cargo", "test", "--offline", "--quiet"],
    "javascript": ["node", "--test"],
}
LIMIT_SECONDS = 120


def python_modules():
    for path in sorted(Path(".").rglob("*.py")):
        named_like_a_test = path.stem.startswith("test") or path.stem.endswith("_test")
        if named_like_a_test and all(part.isidentifier() for part in path.with_suffix("").parts):
            yield ".".join(path.with_suffix("").parts)


def run_python():
    """Runs unittest classes and plain `test_…` functions, wherever they were put."""
    sys.path[:0] = [str(Path(".").resolve()), str(Path("src").resolve())]
    suite = unittest.TestSuite()
    for name in python_modules():
        module = importlib.import_module(name)
        suite.addTests(unittest.defaultTestLoader.loadTestsFromModule(module))
        for key, value in vars(module).items():
            if key.startswith("test") and callable(value) and not isinstance(value, type):
                suite.addTest(unittest.FunctionTestCase(value))
    return 0 if unittest.TextTestRunner(verbosity=0).run(suite).wasSuccessful() else 1


def tests_pass(language):
    # A changed file of the same size within the same second would be hidden by stale bytecode.
    with tempfile.TemporaryDirectory() as cache:
        environment = dict(os.environ, PYTHONPYCACHEPREFIX=cache)
        try:
            done = subprocess.run(
                COMMANDS[language], env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_SECONDS
            )
        except subprocess.TimeoutExpired:
            return False, "the tests did not end"
        return done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")


def survives(mutant, language):
    path = Path(mutant["file"])
    original = path.read_bytes()
    changed = original.replace(mutant["find"].encode(), mutant["replace"].encode(), 1)
    if changed == original:
        raise SystemExit(f"the code under test was changed: `{mutant['find']}` is gone from {path}")
    path.write_bytes(changed)
    try:
        return tests_pass(language)[0]
    finally:
        path.write_bytes(original)


def judge():
    task = json.loads(Path("mutants.json").read_text(encoding="utf-8"))
    passed, output = tests_pass(task["language"])
    if not passed:
        print(output[-4000:])
        print("the tests fail on the right code")
        return 1
    survivors = [mutant for mutant in task["mutants"] if survives(mutant, task["language"])]
    killed = len(task["mutants"]) - len(survivors)
    print(f"{killed} of {len(task['mutants'])} mutants killed")
    return 0 if killed else 1


if __name__ == "__main__":
    sys.exit(run_python() if "--run-python" in sys.argv else judge())
