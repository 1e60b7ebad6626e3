"""Compiles Python files as this Python does, and looks up members of standard modules.

Reads {"secret", "files": [path], "members": [[module, name, line, path]]} and answers one line per finding.
"""
import sys

# A repository may hold files named like standard modules; this program wants the standard ones.
sys.path[:] = [folder for folder in sys.path if folder]
import importlib
import json
import os
import warnings

task = json.loads(sys.stdin.buffer.read())
results = os.dup(1)
null = os.open(os.devnull, os.O_RDWR)
os.dup2(null, 1)
os.dup2(null, 2)
warnings.simplefilter("ignore")


def send(entry):
    os.write(results, (task["secret"] + json.dumps(entry) + "\n").encode())


for path in task["files"]:
    try:
        with open(path, "rb") as file:
            compile(file.read(), path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        send({"path": path, "line": getattr(error, "lineno", None), "message": "%s: %s" % (type(error).__name__, getattr(error, "msg", error))})
modules = {}
for module, name, line, path in task["members"]:
    if module not in modules:
        try:
            modules[module] = importlib.import_module(module) if module in sys.stdlib_module_names or module.split(".")[0] in sys.stdlib_module_names else None
        except Exception:
            modules[module] = None
    found = modules[module]
    if found is None or hasattr(found, name):
        continue
    try:
        importlib.import_module(module + "." + name)
    except Exception:
        names = [known for known in dir(found) if not known.startswith("_")]
        send({"path": path, "line": line, "module": module, "member": name, "names": names[:2000]})
send({"done": True})
