#!/usr/bin/env python3
"""Packs the task folders of eval/suites/repo into repo.jsonl, and proves that every task is sound.

    build_repo_suite.py                 write repo.jsonl
    build_repo_suite.py --check         fail when repo.jsonl is not what the folders say
    build_repo_suite.py --validate      run every task: see `validate`
      --language python                 only the tasks of one language
      --id ID                           only one task

Only the standard library is used. The format is described in README.md.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

SUITES = Path(__file__).resolve().parent
FOLDERS = SUITES / "repo"
PACKED = SUITES / "repo.jsonl"
JUDGE = SUITES / "judge_tests.py"

KINDS = {"add": "generate", "edit": "generate", "multi": "generate", "fix": "fix", "test": "test"}
TOOLS = {"python": "python3", "javascript": "node", "rust": "cargo"}
PROJECT_TESTS = {"python": "python3 -m unittest -q", "javascript": "node --test", "rust": "cargo test --offline --quiet"}
LIMIT_SECONDS = 300


class Unsound(Exception):
    """A task that measures nothing, with the reason."""


def read_tree(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes().decode("utf-8") for path in files}


def pack(folder):
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    hidden = read_tree(folder / "hidden") if (folder / "hidden").is_dir() else {}
    if task["kind"] == "test":
        hidden[JUDGE.name] = JUDGE.read_text(encoding="utf-8")
    solution = read_tree(folder / "solution") if (folder / "solution").is_dir() else {}
    solution.update({path: None for path in task.get("deleted", [])})
    return {
        "id": folder.name,
        "language": task["language"],
        "kind": task["kind"],
        "task": task["task"],
        "intent": task["intent"],
        "files": read_tree(folder / "repo"),
        "named_files": task.get("named_files", []),
        "test_commands": task.get("test_commands", []),
        "hidden": {"files": hidden, "commands": task["hidden_commands"]},
        "solution": solution,
    }


def mixed(folder):
    """An order that stays the same and mixes languages and kinds, so that the first tasks are a fair sample."""
    return hashlib.sha256(folder.name.encode("utf-8")).hexdigest()


def check_shape(task):
    """What can be seen without running anything."""
    if task["kind"] not in KINDS or KINDS[task["kind"]] != task["task"]:
        raise Unsound(f"kind `{task['kind']}` does not go with task `{task['task']}`")
    if task["language"] not in TOOLS:
        raise Unsound(f"unknown language `{task['language']}`")
    if not task["intent"].strip() or not task["files"] or not task["hidden"]["commands"] or not task["solution"]:
        raise Unsound("intent, files, hidden commands and solution must not be empty")
    if task["kind"] == "fix" and not task["test_commands"]:
        raise Unsound("a `fix` task needs the failing command")
    for path in [*task["files"], *task["hidden"]["files"], *task["solution"]]:
        if path.startswith("/") or ".." in path.split("/") or ".git" in path.split("/"):
            raise Unsound(f"`{path}` leaves the repository")
    shown = [path for path in task["hidden"]["files"] if path in task["files"]]
    if shown:
        raise Unsound(f"hidden files overwrite visible ones: {shown}")
    for path in task["named_files"]:
        if path not in task["files"]:
            raise Unsound(f"named file `{path}` does not exist")
    for path, content in task["solution"].items():
        if content is None and path not in task["files"]:
            raise Unsound(f"the solution deletes `{path}`, which does not exist")
        if content is not None and task["files"].get(path) == content:
            raise Unsound(f"the solution leaves `{path}` as it was")


def write_tree(folder, files):
    for path, content in files.items():
        target = folder / path
        if content is None:
            target.unlink()
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode("utf-8"))


def run(command, files):
    """Runs one command in a fresh copy; returns whether it succeeded, and what it said."""
    with tempfile.TemporaryDirectory(prefix="tenon-suite-") as work:
        for layer in files:
            write_tree(Path(work), layer)
        # A target folder for all crates: Tenon's own is compiled with other flags, and one for each would be slow.
        target = os.environ.get("SUITE_TARGET_DIR", str(Path(tempfile.gettempdir()) / "tenon-suite-target"))
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", CARGO_TERM_COLOR="never", CARGO_TARGET_DIR=target)
        try:
            done = subprocess.run(
                shlex.split(command), cwd=work, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_SECONDS
            )
        except subprocess.TimeoutExpired:
            return False, f"no end within {LIMIT_SECONDS} s"
        return done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", errors="replace")


def expect(outcome, commands, files, what):
    """All of `commands` succeed, or at least one fails; returns what they said."""
    said, succeeded = "", True
    for command in commands:
        passed, output = run(command, files)
        said += output
        succeeded = succeeded and passed
    if succeeded != outcome:
        raise Unsound(f"{what}\n{said[-3000:]}")
    return said


def validate(task):
    """The hidden judge refuses the repository as it is and accepts the solution; what is visible behaves as a user would expect."""
    before, after = [task["files"]], [task["files"], task["solution"]]
    hidden = task["hidden"]["files"]
    said = expect(False, task["hidden"]["commands"], [*before, hidden], "the hidden judge accepts the unchanged repository")
    if task["kind"] == "test" and not any(line.startswith("0 of ") for line in said.splitlines()):
        raise Unsound(f"the judge must fail because no mutant is killed, not for another reason\n{said[-3000:]}")
    expect(True, task["hidden"]["commands"], [*after, hidden], "the hidden judge refuses the solution")
    if task["test_commands"]:
        expect(True, task["test_commands"], after, "the visible command fails with the solution")
    if task["kind"] == "fix":
        expect(False, task["test_commands"], before, "the visible command does not fail before the fix")
    else:
        expect(True, [PROJECT_TESTS[task["language"]]], before, "the project's own tests fail before the change")
    expect(True, [PROJECT_TESTS[task["language"]]], after, "the project's own tests fail with the solution")


def problem_of(task, running):
    try:
        check_shape(task)
        if running:
            validate(task)
    except Unsound as reason:
        return f"{task['id']}: {reason}"
    return None


def has_tool(language):
    return subprocess.run(["sh", "-c", f"command -v {TOOLS[language]}"], capture_output=True).returncode == 0


def count(tasks, key):
    counted = collections.Counter(task[key] for task in tasks)
    return ", ".join(f"{number} {name}" for name, number in sorted(counted.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--language", choices=sorted(TOOLS))
    parser.add_argument("--id")
    arguments = parser.parse_args()

    tasks = [pack(folder) for folder in sorted(FOLDERS.iterdir(), key=mixed) if (folder / "task.json").is_file()]
    packed = "".join(json.dumps(task, ensure_ascii=False) + "\n" for task in tasks).encode("utf-8")
    problems = [problem for task in tasks if (problem := problem_of(task, running=False))]
    if arguments.validate and not problems:
        chosen = [task for task in tasks if arguments.language in (None, task["language"]) and arguments.id in (None, task["id"])]
        absent = sorted({task["language"] for task in chosen if not has_tool(task["language"])})
        if absent:
            problems.append(f"not on this machine: {', '.join(TOOLS[language] for language in absent)}; choose another --language")
        chosen = [task for task in chosen if task["language"] not in absent]
        with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
            problems += [problem for problem in pool.map(lambda task: problem_of(task, running=True), chosen) if problem]
        print(f"validated {len(chosen)} tasks")
    if arguments.check:
        if not PACKED.is_file() or PACKED.read_bytes() != packed:
            problems.append("repo.jsonl is not what the folders say; run eval/suites/build_repo_suite.py")
    elif not problems and not arguments.validate:
        PACKED.write_bytes(packed)
    print(f"{len(tasks)} tasks: {count(tasks, 'language')}; {count(tasks, 'kind')}")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
