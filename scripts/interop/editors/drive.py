#!/usr/bin/env python3
"""Types into terminal editors that run Tenon with a real model: Helix, Neovim, Emacs, ALE and llama.vim in Vim.

Each gets a folder as its home with the settings that the manual shows, a repository with one file, and a terminal of its own
(tmux). What is expected has to come to be seen on the screen, and what is accepted has to be in the file.

    make interop                                            makes the root and runs all
    scripts/interop/editors/drive.py FOLDER TENON [NAME ...]     the root of FOLDER (see install.sh) and this binary; some of them
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

MODEL = "qwen2.5-coder-0.5b"
PATIENCE = 120
KEYSTROKE = 0.08
HOME = "/mnt/ada"
AREA = '''\
# add double(number), which gives twice the number


def area(width, height):
    """The area of a rectangle."""
    return width * height


def perimeter(width, height):
    """The perimeter of a rectangle."""
'''
# What stands behind `return` in the line that is typed.
WRITTEN = r'perimeter of a rectangle\."""\n +return (\S.*?) *$'
SAVE = [":", "w", "Enter"]
TMUX = "set -g remain-on-exit on\nset -g default-terminal tmux-256color\nset -sg escape-time 0\nset -g status off\n"

HELIX = """\
[language-server.tenon]
command = "tenon"
args = ["lsp"]

[[language]]
name = "python"
language-servers = ["tenon"]
"""

NEOVIM = """\
vim.lsp.config('tenon', {
  cmd = { 'tenon', 'lsp' },
  filetypes = { 'python', 'rust', 'javascript', 'typescript', 'go', 'java' },
  root_markers = { '.git' },
})
vim.lsp.enable('tenon')
vim.lsp.inline_completion.enable()
vim.keymap.set('i', '<Tab>', function()
  if not vim.lsp.inline_completion.get() then
    return '<Tab>'
  end
end, { expr = true })
"""

LLAMA_VIM = """\
filetype plugin indent on
let g:llama_config = {
    \\ 'endpoint_fim': 'URL/infill',
    \\ 'endpoint_inst': 'URL/v1/chat/completions',
    \\ 'api_key': 'KEY',
    \\ }
packadd! llama.cpp
"""

EMACS = """\
(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs '((python-mode python-ts-mode) . ("tenon" "lsp"))))
(add-hook 'python-mode-hook #'eglot-ensure)
"""

ALE = """\
filetype plugin indent on
let g:ale_completion_enabled = 1
let g:ale_linters = { 'python': ['tenon'] }
let g:ale_lsp_show_message_severity = 'information'
packadd! ale
call ale#linter#Define('python', {
    \\ 'name': 'tenon',
    \\ 'lsp': 'stdio',
    \\ 'executable': 'tenon',
    \\ 'command': '%e lsp',
    \\ 'project_root': { buffer -> getcwd() },
    \\ })
"""


class Unseen(Exception):
    """What was expected did not come."""


class Desk:
    """A home, a repository, and a terminal with one editor."""

    def __init__(self, name, root, tenon, models, folder):
        self.name, self.root, self.tenon, self.models = name, root, tenon, models
        self.home = folder / name
        self.socket, self.settings = folder / f"{name}.socket", folder / "tmux.conf"
        self.settings.write_text(TMUX)
        self.tree = self.home / "area"
        self.tree.mkdir(parents=True)
        self.write("area/area.py", AREA)
        for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "area"]):
            subprocess.run(["git", *command], cwd=self.tree, check=True)

    def write(self, path, text):
        path = self.home / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def open(self, *command):
        self.tmux(
            "new-session", "-d", "-x", "120", "-y", "40",
            "bwrap", "--die-with-parent", "--unshare-pid", "--ro-bind", self.root, "/", "--dev", "/dev", "--proc", "/proc",
            "--tmpfs", "/tmp", "--tmpfs", "/run", "--tmpfs", "/opt", "--ro-bind", self.tenon, "/opt/tenon", "--tmpfs", "/srv",
            "--ro-bind", self.models, "/srv", "--tmpfs", "/mnt", "--bind", self.home, HOME, "--chdir", f"{HOME}/area",
            # Nothing of whoever runs this: neither their settings nor their keys.
            "--clearenv", "--setenv", "HOME", HOME, "--setenv", "PATH", "/usr/bin:/bin:/opt", "--setenv", "TERM", "tmux-256color",
            "--setenv", "COLORTERM", "truecolor", "--setenv", "LANG", "C.UTF-8", "--setenv", "TENON_MODELS_FOLDER", "/srv",
            *command,
        )  # fmt: skip

    def close(self):
        self.tmux("kill-server", check=False)

    def tmux(self, *words, check=True):
        command = ["tmux", "-f", self.settings, "-S", self.socket, *words]
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=check).stdout

    def press(self, *keys):
        for key in keys:
            self.tmux("send-keys", key)
            time.sleep(KEYSTROKE)

    def type(self, text):
        for character in text:
            self.tmux("send-keys", "-l", character)
            time.sleep(KEYSTROKE)

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def see(self, what, pattern, *again, every=1):
        """Waits until the screen matches, and gives what the group holds; `again` are keys to press every so many seconds until then."""
        begun = pressed = time.monotonic()
        while not (seen := re.search(pattern, self.screen(), re.MULTILINE)):
            now = time.monotonic()
            if now - begun > PATIENCE:
                raise Unseen(f"{self.name}: {what}: not seen within {PATIENCE} s: {pattern}\n{self.screen()}")
            if again and now - pressed > every:
                pressed = now
                self.press(*again)
            time.sleep(0.05)
        self.tell(what, begun)
        return seen[1] if seen.re.groups else seen[0]

    def save(self, *keys, holds="", lacks=None):
        """Saves, and waits for the file to hold one text, and not the other."""
        self.press(*(keys or SAVE))
        begun = time.monotonic()
        while holds not in (held := (self.tree / "area.py").read_text()) or (lacks is not None and lacks in held):
            if time.monotonic() - begun > 10:
                raise Unseen(f"{self.name}: it does not hold {holds!r} without {lacks!r}:\n{held}\n{self.screen()}")
            time.sleep(0.05)
        self.tell("the file has it", begun)

    def tell(self, what, begun):
        print(f"{self.name}: {what}: {(time.monotonic() - begun) * 1000:.0f} ms", flush=True)


class Server:
    """`tenon serve` for one desk, with data of its own."""

    def __init__(self, desk, *flags):
        self.desk, self.flags, self.data = desk, flags, desk.home.parent / f"{desk.name}-data"
        self.environment = {**os.environ, "TENON_DATA_FOLDER": str(self.data), "TENON_MODELS_FOLDER": str(desk.models)}
        self.said = tempfile.TemporaryFile("w+")

    def __enter__(self):
        command = [self.desk.tenon, "serve", "--listen", "127.0.0.1:0", "--model", MODEL, *self.flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.said, text=True, env=self.environment)
        try:
            self.url = self.environment["TENON_SERVER"] = self.process.stdout.readline().strip()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.process.stdout.close()
        self.said.close()

    def key(self):
        command = [self.desk.tenon, "key", "create", "vim", "--user", "vim", "--role", "developer"]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout.strip()

    def judge(self, *routes):
        """Everything that was asked was answered well, of these routes too; nothing failed behind it."""
        first = (self.data / "service/first.key").read_text().strip()
        request = urllib.request.Request(f"{self.url}/metrics", headers={"authorization": f"Bearer {first}"})
        with urllib.request.urlopen(request) as response:
            metrics = response.read().decode()
        counts = {}
        for labels, count in re.findall(r"^tenon_requests_total\{(.*)\} (\d+)", metrics, re.MULTILINE):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            answered = f"{labels['route']} {labels['status_class']}"
            counts[answered] = counts.get(answered, 0) + int(count)
        print(f"{self.desk.name}: answered: {counts}", flush=True)
        self.said.seek(0)
        said = self.said.read()
        wanted = {f"{route} 2xx" for route in routes}
        if "ERROR" in said or not wanted <= counts.keys() or not all(answered.endswith(" 2xx") for answered in counts):
            raise Unseen(f"{self.desk.name}: answered {counts}, and said:\n{said}")


def helix(desk):
    desk.write(".config/helix/languages.toml", HELIX)
    desk.open("hx", "area.py")
    ready(desk, "Escape", "Space", "a")
    desk.press("Escape", "g", "e", "o")
    desk.type("return ")
    # What came too late is asked for again by whoever types on.
    shown = desk.see("an item comes by itself", r"^[ ~]+(\S.*?) +text *$", "BSpace", "Space", every=10)
    desk.press("Tab", "Enter", "Escape")
    desk.save(holds=f"    return {shown}\n")
    desk.press("o")
    desk.type("def square(side): return ")
    desk.press("Escape", "A", "C-x")
    desk.see("an item comes when it is asked for", r"^[ ~]+(\S.*?) +text *$")
    desk.press("Escape", "u")
    explain(desk, ["Space", "a"], ["Down", "Enter"])
    rewrite(desk, ["g", "g", "Space", "a"], ["Enter"])
    desk.save(holds="def double(")


def neovim(desk):
    desk.write(".config/nvim/init.lua", NEOVIM)
    desk.open("nvim", "area.py")
    ready(desk, "Escape", "g", "r", "a")
    desk.press("Escape", "G", "o")
    desk.type("return ")
    shown = desk.see("ghost text comes by itself", WRITTEN, "BSpace", "Space", every=10)
    desk.press("Tab", "Escape")
    desk.save(holds=f"    return {shown}\n")
    explain(desk, ["g", "r", "a"], ["2", "Enter"])
    rewrite(desk, ["Enter", "g", "g", "g", "r", "a"], ["1", "Enter"])
    desk.save("Enter", *SAVE, holds="def double(")


def emacs(desk):
    desk.write(".emacs.d/init.el", EMACS)
    # Compiling itself would take all processors for minutes.
    desk.write(".emacs.d/early-init.el", "(setq native-comp-jit-compilation nil)")
    desk.open("emacs", "-nw", "area.py")
    desk.see("connects", "Connected!")
    actions, save = ["M-x", "eglot-code-actions", "Enter"], ["C-x", "C-s"]
    ready(desk, *actions)
    desk.press("Escape", "Escape", "Escape", "M->", "C-b", "Enter")
    desk.type("return ")
    desk.press("C-M-i")
    shown = desk.see("an item comes when it is asked for", WRITTEN)
    desk.save(*save, holds=f"    return {shown}\n")
    explain(desk, actions, ["Tenon: explain perimeter", "Enter"])
    rewrite(desk, ["M-<", *actions], ["Enter"])
    desk.save(*save, holds="def double(")


def ale(desk):
    desk.write(".vimrc", ALE)
    desk.open("vim", "area.py")
    actions = [*":ALECodeAction", "Enter"]
    desk.see("opens", "def perimeter")
    ready(desk, "Escape", *actions)
    desk.press("Escape", "G", "o")
    # It asks when a name is begun.
    desk.type("return wi")
    shown = desk.see("an item comes by itself", r"^[ ~]+(\S.*?) +v Tenon *$")
    desk.press("C-n", "C-y", "Escape")
    desk.save(holds=f"    return {shown}\n")
    explain(desk, actions, ["2", "Enter"])
    rewrite(desk, ["Enter", "g", "g", *actions], ["1", "Enter"])
    desk.save(holds="def double(")


def ready(desk, *actions):
    desk.see("offers to write what the comment says, once the folder is read", "Tenon: write .add double", *actions)


def explain(desk, actions, chosen):
    desk.press(*actions)
    desk.see("offers errands for a function", "Tenon: write tests for perimeter")
    desk.press(*chosen)
    desk.see("explains it", r"Tenon: .*(?:perimeter|rectangle)")


def rewrite(desk, actions, chosen):
    desk.press(*actions)
    desk.see("offers to write what the comment says", "Tenon: write .add double")
    desk.press(*chosen)
    desk.see("the change is applied", r"^[ \d▍]*def double\(")


def llama_vim(desk):
    with Server(desk) as server:
        fill_in_and_instruct(desk, server, "")


def llama_vim_with_a_key(desk):
    with Server(desk, "--require-keys") as server:
        fill_in_and_instruct(desk, server, server.key())


def fill_in_and_instruct(desk, server, key):
    desk.write(".vimrc", LLAMA_VIM.replace("URL", server.url).replace("KEY", key))
    # ALE is in every Vim of the root.
    desk.open("vim", "--cmd", "let g:ale_enabled = 0", "area.py")
    desk.see("opens", "def perimeter")
    desk.press("G", "o")
    desk.type("return ")
    shown = desk.see("ghost text comes by itself", r"^    return (\S.*?) +\| c: ", "BSpace", "Space", every=10)
    desk.press("Tab", "Escape")
    desk.save(holds=f"    return {shown}\n")
    desk.press("V", *"\\lli")
    desk.see("asks what to do", "Instruction:")
    desk.type("multiply by 3")
    desk.press("Enter")
    desk.see("has an answer", "Ready!")
    desk.press("Tab")
    desk.save(lacks=f"    return {shown}\n")
    server.judge("/infill", "/v1/chat/completions")


EDITORS = {
    "helix": helix,
    "neovim": neovim,
    "emacs": emacs,
    "ale": ale,
    "llama-vim": llama_vim,
    "llama-vim-key": llama_vim_with_a_key,
}


def drive(name, root, tenon, models, folder):
    desk = Desk(name, root, tenon, models, folder)
    try:
        EDITORS[name](desk)
    except Unseen as unseen:
        print(unseen, file=sys.stderr)
        return name
    finally:
        desk.close()
    return None


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    root, tenon = pathlib.Path(sys.argv[1]).resolve() / "root", pathlib.Path(sys.argv[2]).resolve()
    names = sys.argv[3:] or list(EDITORS)
    if unknown := [name for name in names if name not in EDITORS]:
        raise SystemExit(f"there is no editor {', '.join(unknown)}; there are {', '.join(EDITORS)}")
    # What was started is ended in any case.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: sys.exit(1))
    shown = subprocess.run([tenon, "model", "show", MODEL, "--json"], capture_output=True, text=True, check=True)
    models = pathlib.Path(json.loads(shown.stdout)["listing"]["path"]).parent
    with tempfile.TemporaryDirectory() as folder:
        failed = [name for name in names if drive(name, root, tenon, models, pathlib.Path(folder))]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
