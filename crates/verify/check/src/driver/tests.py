"""Runs the tests below the current folder without pytest: unittest classes, plain functions, plain Test classes.

One JSON object per test goes to the original standard output; what tests print goes to standard error.
"""
import sys

# A repository may hold files named like standard modules; this program wants the standard ones.
sys.path[:] = [folder for folder in sys.path if folder]
import asyncio
import importlib
import importlib.util
import inspect
import json
import os
import traceback
import unittest

SKIPPED_FOLDERS = {"node_modules", "target", "venv", "site-packages", "__pycache__", "build", "dist"}


def main():
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    root = os.getcwd()
    for folder in (os.path.join(root, "src"), root):
        if os.path.isdir(folder):
            sys.path.insert(0, folder)
    failed = False

    def report(name, outcome, message=None):
        nonlocal failed
        failed = failed or outcome == "failed"
        entry = {"id": name, "outcome": outcome}
        if message:
            entry["message"] = message[-1500:]
        results.write(json.dumps(entry) + "\n")
        results.flush()

    for path in test_files(root):
        relative = os.path.relpath(path, root).replace(os.sep, "/")
        try:
            module = load(path)
        except unittest.SkipTest as reason:
            report(relative, "skipped", str(reason))
            continue
        except BaseException:
            report(relative, "failed", traceback.format_exc())
            continue
        run_classes(module, relative, report)
        run_plain(module, relative, report)
    results.write(json.dumps({"done": True}) + "\n")
    results.flush()
    sys.exit(1 if failed else 0)


def test_files(root):
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED_FOLDERS)
        inside_tests = any(part in ("test", "tests") for part in os.path.relpath(folder, root).split(os.sep))
        for name in sorted(names):
            stem, extension = os.path.splitext(name)
            matches = stem.startswith("test_") or stem.endswith("_test") or stem == "tests" or (inside_tests and stem.startswith("test"))
            if extension == ".py" and matches:
                found.append(os.path.join(folder, name))
    return found


def load(path):
    base, parts = os.path.dirname(path), [os.path.splitext(os.path.basename(path))[0]]
    while os.path.exists(os.path.join(base, "__init__.py")):
        base, package = os.path.split(base)
        parts.insert(0, package)
    if base not in sys.path:
        sys.path.insert(0, base)
    name = ".".join(parts)
    known = sys.modules.get(name)
    if known is None:
        module = importlib.import_module(name)
        if os.path.realpath(getattr(module, "__file__", "") or "") == os.path.realpath(path):
            return module
    # Two folders hold a file of this name.
    unique = "tenon_tests_%d_%s" % (len(sys.modules), parts[-1])
    spec = importlib.util.spec_from_file_location(unique, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    spec.loader.exec_module(module)
    return module


class Recorder(unittest.TestResult):
    def __init__(self, file, report):
        super().__init__()
        self.file = file
        self.report = report
        self.broken = None

    def name(self, test):
        if isinstance(test, unittest.case._SubTest):
            test = test.test_case
        method = getattr(test, "_testMethodName", None)
        return "%s::%s::%s" % (self.file, type(test).__name__, method) if method else "%s::%s" % (self.file, test)

    def startTest(self, test):
        super().startTest(test)
        self.broken = None

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.broken = self.text(error)

    def addSuccess(self, test):
        self.finish(test, "passed")

    def addError(self, test, error):
        self.finish(test, "failed", self.text(error))

    def addFailure(self, test, error):
        self.finish(test, "failed", self.text(error))

    def addSkip(self, test, reason):
        self.finish(test, "skipped", reason)

    def addExpectedFailure(self, test, error):
        self.finish(test, "passed")

    def addUnexpectedSuccess(self, test):
        self.finish(test, "failed", "an expected failure passed")

    def stopTest(self, test):
        super().stopTest(test)
        if self.broken is not None:
            self.finish(test, "failed", self.broken)

    def finish(self, test, outcome, message=None):
        if outcome == "passed" and self.broken is not None:
            return
        self.report(self.name(test), outcome, message)

    @staticmethod
    def text(error):
        return "".join(traceback.format_exception(*error))


def run_classes(module, file, report):
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    suite.run(Recorder(file, report))


def run_plain(module, file, report):
    for name, value in list(vars(module).items()):
        if name.startswith("test") and inspect.isfunction(value) and value.__module__ == module.__name__:
            run_function("%s::%s" % (file, name), value, report)
        elif name.startswith("Test") and inspect.isclass(value) and not issubclass(value, unittest.TestCase):
            for method in [method for method in dir(value) if method.startswith("test")]:
                run_method(file, value, method, report)


def run_method(file, owner, method, report):
    name = "%s::%s::%s" % (file, owner.__name__, method)
    try:
        instance = owner()
        set_up = getattr(instance, "setup_method", None) or getattr(instance, "setUp", None)
        tear_down = getattr(instance, "teardown_method", None) or getattr(instance, "tearDown", None)
        if set_up:
            set_up(*([None] if required_parameters(set_up) else []))
    except BaseException:
        report(name, "failed", traceback.format_exc())
        return
    run_function(name, getattr(instance, method), report)
    if tear_down:
        try:
            tear_down(*([None] if required_parameters(tear_down) else []))
        except BaseException:
            pass


def required_parameters(function):
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(function).parameters.values()
    return [parameter for parameter in parameters if parameter.kind in kinds and parameter.default is parameter.empty]


def run_function(name, function, report):
    if required_parameters(function):
        report(name, "skipped", "needs pytest: the test takes fixtures or parameters")
        return
    try:
        value = function()
        if inspect.iscoroutine(value):
            asyncio.run(value)
    except unittest.SkipTest as reason:
        report(name, "skipped", str(reason))
    except BaseException:
        report(name, "failed", traceback.format_exc())
    else:
        report(name, "passed")


main()
