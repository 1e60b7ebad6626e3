"""Runs the examples of one candidate, each in a process of its own.

Three generations: the supervisor knows the secret and never touches the candidate; the stage loads the candidate
once; each example is a child of the stage, so that none can disturb the next.
"""
import sys

# A repository may hold files named like standard modules; this program wants the standard ones.
sys.path[:] = [folder for folder in sys.path if folder]
import ast
import hashlib
import io
import json
import math
import os
import random
import re
import select
import signal
import time
import types

LONGEST_TEXT = 600
LONGEST_OUTPUT = 65536
SPARE_MODULES = ("math", "cmath", "re", "json", "datetime", "collections", "itertools", "functools", "string", "copy")


def main():
    task = json.loads(sys.stdin.buffer.read())
    secret = task.pop("secret")
    results = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    sys.stdin = open(os.devnull)
    sys.stdout = open(os.devnull, "w")
    sys.stderr = open(os.devnull, "w")
    if task["mode"] == "behaviour":
        task["jobs"] = behaviour_jobs(task)
    else:
        task["jobs"] = task["examples"]
    reading, writing = os.pipe()
    stage = os.fork()
    if stage == 0:
        del secret
        os.close(results)
        os.close(reading)
        try:
            run_stage(task, writing)
        finally:
            os._exit(0)
    os.close(writing)
    supervise(reading, stage, task, lambda line: os.write(results, (secret + line + "\n").encode()))


def supervise(reading, stage, task, report):
    deadline = time.monotonic() + task["total_seconds"]
    pending = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            break
        chunk = os.read(reading, 65536)
        if not chunk:
            break
        pending += chunk
        while b"\n" in pending:
            line, pending = pending.split(b"\n", 1)
            report(line.decode("utf-8", "replace"))
        if len(pending) > 1 << 20:
            break
    for kill in (lambda: os.killpg(stage, signal.SIGKILL), lambda: os.kill(stage, signal.SIGKILL)):
        try:
            kill()
        except OSError:
            pass
    os.waitpid(stage, 0)


def run_stage(task, writing):
    def send(message):
        data = (json.dumps(message) + "\n").encode()
        while data:
            data = data[os.write(writing, data):]

    try:
        os.setsid()
    except OSError:
        pass
    try:
        namespace = load(task)
    except BaseException as error:
        send({"load_error": describe(error), "line": error_line(error, task)})
        return
    send({"loaded": True})
    for index, job in enumerate(task["jobs"]):
        answer = in_child(job, namespace, task)
        answer["index"] = index
        send(answer)


def load(task):
    sys.setrecursionlimit(5000)
    signal.signal(signal.SIGALRM, too_slow)
    signal.setitimer(signal.ITIMER_REAL, task["load_seconds"])
    try:
        for folder in reversed(task.get("search_path", [])):
            sys.path.insert(0, folder)
        if task.get("module"):
            module = load_file(task["module"], task["file"])
        else:
            module = types.ModuleType("candidate")
            module.__file__ = "<candidate>"
            sys.modules["candidate"] = module
            exec(compile(task["code"], "<candidate>", "exec"), module.__dict__)
        return module.__dict__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def load_file(name, file):
    import importlib
    import importlib.util

    module = importlib.import_module(name)
    if os.path.realpath(getattr(module, "__file__", None) or "") == os.path.realpath(file):
        return module
    # Python already knows another module of this name, such as one of its own.
    spec = importlib.util.spec_from_file_location("candidate_" + name.replace(".", "_"), file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def too_slow(*_):
    raise TimeoutError("loading the program takes too long")


def in_child(job, namespace, task):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            try:
                os.setpgid(0, 0)
            except OSError:
                pass
            sys.stdout = Captured()
            answer = observe(job, namespace, task) if task["mode"] == "behaviour" else examine(job, namespace, task)
            os.write(writing, (json.dumps(answer) + "\n").encode("utf-8", "replace"))
        except BaseException as error:
            try:
                answer = {"passed": False, "detail": describe(error), "outcome": "? " + type(error).__name__}
                os.write(writing, (json.dumps(answer) + "\n").encode())
            except OSError:
                pass
        finally:
            os._exit(0)
    os.close(writing)
    deadline = time.monotonic() + task["example_seconds"]
    data = b""
    while not data.endswith(b"\n") and len(data) < 1 << 18:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            data = b""
            break
        chunk = os.read(reading, 65536)
        if not chunk:
            break
        data += chunk
    timed_out = time.monotonic() >= deadline
    os.close(reading)
    for kill in (lambda: os.killpg(child, signal.SIGKILL), lambda: os.kill(child, signal.SIGKILL)):
        try:
            kill()
        except OSError:
            pass
    os.waitpid(child, 0)
    try:
        return json.loads(data)
    except ValueError:
        reason = "no result within %g s" % task["example_seconds"] if timed_out else "the program ended without a result"
        return {"passed": False, "detail": reason, "outcome": "? timeout" if timed_out else "? exit", "timed_out": timed_out}


class Captured(io.StringIO):
    def write(self, text):
        if self.tell() < LONGEST_OUTPUT:
            super().write(text)
        return len(text)


def examine(job, namespace, task):
    space = dict(namespace)
    text = job.get("call") or job.get("source") or job.get("code") or ""
    for name in SPARE_MODULES:
        if name not in space and re.search(r"\b%s\b" % name, text):
            space[name] = __import__(name)
    try:
        if job["kind"] == "equation":
            got = settle(eval(compile(job["call"], "<example>", "eval"), space))
            expected = eval(compile(job["expected"], "<example>", "eval"), space)
            return verdict(same(got, expected), got, expected)
        if job["kind"] == "doctest":
            return doctest(job, space)
        return assertion(job["code"], space)
    except BaseException as error:
        return {"passed": False, "detail": describe(error), "line": error_line(error, task)}


def settle(value):
    if isinstance(value, types.CoroutineType):
        import asyncio

        return asyncio.run(value)
    return value


def assertion(code, space):
    body = ast.parse(code).body
    test = body[0].test if len(body) == 1 and isinstance(body[0], ast.Assert) else None
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
        got = settle(evaluate(test.left, space))
        expected = settle(evaluate(test.comparators[0], space))
        return verdict(same(got, expected), got, expected)
    exec(compile(code, "<example>", "exec"), space)
    return {"passed": True}


def evaluate(node, space):
    return eval(compile(ast.fix_missing_locations(ast.Expression(node)), "<example>", "eval"), space)


def doctest(job, space):
    want = job["want"]
    body = ast.parse(job["source"]).body
    for statement in body[:-1]:
        try:
            exec(compile(ast.Module([statement], []), "<example>", "exec"), space)
        except Exception:
            pass  # An earlier step may be about the exception it raises.
    shown = []

    def display(value):
        value = settle(value)
        if value is not None:
            shown.append(value)
            sys.stdout.write(repr(value) + "\n")

    sys.displayhook = display
    sys.stdout = captured = Captured()
    try:
        exec(compile(ast.Interactive(body[-1:]), "<example>", "single"), space)
    except Exception as error:
        if want.lstrip().startswith("Traceback (most recent call last)"):
            expected = want.rstrip().rsplit("\n", 1)[-1].strip()
            got = "%s: %s" % (type(error).__name__, error) if str(error) else type(error).__name__
            expected = re.sub(r"^[\w.]+\.(?=\w+(:|$))", "", expected)
            return texts(matches(expected, got), got, expected)
        raise
    got = captured.getvalue()
    passed = matches(want, got)
    if not passed and len(shown) == 1 and got == repr(shown[0]) + "\n":
        try:
            passed = same(shown[0], ast.literal_eval(want.strip()))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            pass
    return texts(passed, got.rstrip("\n"), want.rstrip("\n"))


def matches(want, got):
    """What doctest accepts with ELLIPSIS and NORMALIZE_WHITESPACE."""
    want = " ".join(want.replace("<BLANKLINE>", "").split())
    got = " ".join(got.split())
    if want == got:
        return True
    if "..." not in want:
        return False
    pattern = ".*".join(re.escape(part) for part in want.split("..."))
    return re.fullmatch(pattern, got, re.DOTALL) is not None


def verdict(passed, got, expected):
    return texts(passed, bounded(got), bounded(expected))


def texts(passed, got, expected):
    return {"passed": bool(passed), "got": got[:LONGEST_TEXT], "expected": expected[:LONGEST_TEXT]}


def same(left, right, depth=0):
    if left is right:
        return True
    if depth > 60:
        return left == right
    numbers = (int, float, complex)
    if isinstance(left, numbers) and isinstance(right, numbers):
        if isinstance(left, complex) or isinstance(right, complex):
            return abs(left - right) <= 1e-6 * max(abs(left), abs(right)) + 1e-9
        if isinstance(left, float) or isinstance(right, float):
            if left != left or right != right:
                return left != left and right != right
            try:
                return math.isclose(left, right, rel_tol=1e-6, abs_tol=1e-9)
            except OverflowError:
                return left == right
        return left == right
    for kind in (list, tuple):
        if isinstance(left, kind) and isinstance(right, kind):
            return len(left) == len(right) and all(same(a, b, depth + 1) for a, b in zip(left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key], depth + 1) for key in left)
    answer = left == right
    try:
        return bool(answer)
    except ValueError:
        return bool(answer.all())


def bounded(value):
    try:
        text = repr(value)
    except Exception as error:
        text = "<%s without repr: %s>" % (type(value).__name__, error)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "\u2026"


def describe(error):
    if isinstance(error, AssertionError) and not str(error):
        return "the assertion does not hold"
    return ("%s: %s" % (type(error).__name__, error)).rstrip(": ")[:LONGEST_TEXT]


def error_line(error, task):
    if isinstance(error, SyntaxError):
        return error.lineno
    line = None
    trace = error.__traceback__
    name = task.get("file") or "<candidate>"
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(name):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


# Behaviour: the same inputs for every candidate, so that answers can be compared.


def behaviour_jobs(task):
    generator = random.Random(task["seed"])
    seeds = [found for found in map(parsed_call, task["calls"]) if found is not None]
    jobs, known = [], set()

    def add(function, arguments, keywords):
        text = "%s(%s)" % (function, ", ".join([repr(value) for value in arguments] + ["%s=%r" % item for item in keywords.items()]))
        if text not in known and len(text) < 4000 and len(jobs) < task["inputs"]:
            known.add(text)
            jobs.append({"call": text})

    for function, arguments, keywords in seeds:
        add(function, arguments, keywords)
    # Every single argument once through each of its simple variants, then random combinations.
    for function, arguments, keywords in seeds[:6]:
        for position, value in enumerate(arguments):
            for variant in variants(value, generator)[:6]:
                add(function, arguments[:position] + [variant] + arguments[position + 1:], keywords)
    for _ in range(task["inputs"] * 8):
        if not seeds or len(jobs) >= task["inputs"]:
            break
        function, arguments, keywords = generator.choice(seeds)
        changed = [mutated(value, generator) if generator.random() < 0.7 else value for value in arguments]
        add(function, changed, {name: mutated(value, generator) for name, value in keywords.items()})
    return jobs


def parsed_call(text):
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return None
        arguments = [ast.literal_eval(argument) for argument in call.args]
        keywords = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg}
        return call.func.id, arguments, keywords
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None


def variants(value, generator):
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1, 0, -value, value * 2 + 1, value * 1000 + 7]
    if isinstance(value, float):
        return [value + 0.5, -value, 0.0, value * 10, float(int(value)) if abs(value) < 1e15 else 1.0]
    if isinstance(value, str):
        return ["", value.upper(), value[::-1], value + value, value[:1], value + " " + value.swapcase(), value[1:]]
    if isinstance(value, bytes):
        return [b"", value[::-1], value + value]
    if isinstance(value, (list, tuple)):
        kind = type(value)
        extra = [mutated(value[0], generator)] if value else [0]
        return [kind(), kind(reversed(value)), kind(list(value) + list(value)), value[:1], kind(list(value) + extra), value[1:]]
    if isinstance(value, dict):
        items = list(value.items())
        return [{}, dict(items[:1]), dict(reversed(items)), {key: mutated(item, generator) for key, item in items}]
    if isinstance(value, (set, frozenset)):
        kind = type(value)
        ordered = sorted(value, key=repr)
        return [kind(), kind(ordered[:1]), kind(mutated(item, generator) for item in ordered)]
    return [None]


def mutated(value, generator):
    if isinstance(value, (list, tuple)) and value and generator.random() < 0.6:
        items = list(value)
        position = generator.randrange(len(items))
        choice = generator.random()
        if choice < 0.5:
            items[position] = mutated(items[position], generator)
        elif choice < 0.7:
            items.insert(position, items[generator.randrange(len(items))])
        elif choice < 0.85:
            del items[position]
        else:
            generator.shuffle(items)
        return type(value)(items)
    if isinstance(value, str) and value and generator.random() < 0.6:
        position = generator.randrange(len(value))
        letter = generator.choice(value + " aZ0-_,.")
        return value[:position] + letter + value[position + generator.randrange(2):]
    if isinstance(value, int) and not isinstance(value, bool) and generator.random() < 0.5:
        return value + generator.randint(-10, 10)
    options = variants(value, generator)
    return generator.choice(options)


def observe(job, namespace, task):
    try:
        outcome = "= " + canonical(settle(eval(compile(job["call"], "<input>", "eval"), dict(namespace))))
    except BaseException as error:
        outcome = ("! " if is_deliberate(error, task) else "? ") + type(error).__name__

    return {"input": job["call"][:LONGEST_TEXT], "outcome": outcome[:200], "digest": hashlib.sha256(outcome.encode("utf-8", "replace")).hexdigest()[:16]}


def is_deliberate(error, task):
    """Whether a statement of the candidate's raised it, rather than something that it did not see coming."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = task.get("file") or "<candidate>"
    if trace is None or not trace.tb_frame.f_code.co_filename.endswith(name):
        return False
    try:
        code = task["code"] if not task.get("file") else open(task["file"], encoding="utf-8").read()
        statements = [node for node in ast.walk(ast.parse(code)) if isinstance(node, (ast.Raise, ast.Assert))]
    except Exception:
        return False
    return any(node.lineno <= trace.tb_lineno <= node.end_lineno for node in statements)


def canonical(value, depth=0):
    """One text per value, whatever the order of sets and the last digits of floats."""
    if depth > 30:
        return "…"
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, float):
        return "%.9g" % value
    if isinstance(value, (int, str, bytes)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return type(value).__name__ + "(" + ",".join(canonical(item, depth + 1) for item in value) + ")"
    if isinstance(value, (set, frozenset)):
        return "set(" + ",".join(sorted(canonical(item, depth + 1) for item in value)) + ")"
    if isinstance(value, dict):
        return "dict(" + ",".join(sorted(canonical(k, depth + 1) + ":" + canonical(v, depth + 1) for k, v in value.items())) + ")"
    if hasattr(value, "__next__"):
        items = [item for _, item in zip(range(1000), value)]
        return "iterator" + canonical(items, depth + 1)
    return type(value).__name__ + ":" + re.sub(r"0x[0-9a-fA-F]+", "0x", repr(value))


main()
