#!/usr/bin/env node
// Types in a real VS Code (as a server, in Chromium) with Tenon's extension, and looks at what is shown.
//
//   scripts/interop/vscode/drive.mjs FOLDER TENON EXTENSION      the folder of install.sh, the binary, the packaged extension

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const MODEL = "qwen2.5-coder-0.5b";
const BROWSER = process.env.CHROMIUM ?? "/usr/bin/chromium";
// As fast as somebody who types well.
const KEY = 90;
const SECONDS = 1000;
const PATIENCE = 90 * SECONDS;
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const FILE = `def area(width, height):
    return width * height


def perimeter(width, height):
    return 2 * (width + height)


`;

const [folder, binary, extension] = process.argv.slice(2).map((path) => resolve(path));
if (extension === undefined) {
  console.error("drive.mjs FOLDER TENON EXTENSION");
  process.exit(2);
}
const { chromium } = createRequire(join(folder, "package.json"))("playwright-core");

const temporary = mkdtempSync(join(tmpdir(), "tenon-vscode-"));
const tree = join(temporary, "tree");
const file = join(tree, "shapes.py");
const userSettings = join(temporary, "user/User/settings.json");
// Where a server's machine keeps what is no user's: paths in a user's settings are not read there.
const machineSettings = join(temporary, "user/Machine/settings.json");
const models = dirname(JSON.parse(execFileSync(binary, ["model", "show", MODEL, "--json"], { encoding: "utf8" })).listing.path);
// Nothing of whoever runs this: neither their settings nor their keys.
const environment = {
  PATH: process.env.PATH,
  HOME: join(temporary, "home"),
  LANG: "C.UTF-8",
  TENON_DATA_FOLDER: join(temporary, "data"),
  TENON_MODELS_FOLDER: models,
  TENON_MODELS: MODEL,
};

let server;
let complaints = "";
let browser;
let page;
let ended = false;

async function end() {
  ended = true;
  await browser?.close().catch(() => {});
  if (server !== undefined && server.exitCode === null) {
    const gone = new Promise((resolve) => server.once("exit", resolve));
    // The editor's hosts, and the language server below them, are of the same group.
    process.kill(-server.pid, "SIGTERM");
    await Promise.race([gone, sleep(5 * SECONDS)]);
  }
  if (server !== undefined) {
    try {
      process.kill(-server.pid, "SIGKILL");
    } catch {
      // All of them are gone.
    }
  }
  rmSync(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => void end().then(() => process.exit(130)));
}

async function step(name, work) {
  const begun = performance.now();
  const said = await work();
  console.log(`vscode: ${name}: ${Math.round(performance.now() - begun)} ms${said === undefined ? "" : `: ${said}`}`);
}

function setPath(path) {
  writeFileSync(machineSettings, JSON.stringify({ "tenon.path": path }));
}

function prepare() {
  for (const path of [environment.HOME, tree, dirname(userSettings), dirname(machineSettings)]) {
    mkdirSync(path, { recursive: true });
  }
  writeFileSync(file, FILE);
  writeFileSync(join(temporary, "config.yaml"), "");
  const settings = {
    "tenon.model": MODEL,
    // A busy machine is slower than whoever types.
    "tenon.automaticDeadline": 60 * SECONDS,
    "files.autoSave": "off",
    "telemetry.telemetryLevel": "off",
    "extensions.autoCheckUpdates": false,
    "extensions.autoUpdate": false,
    "workbench.enableExperiments": false,
    "workbench.startupEditor": "none",
    "window.commandCenter": false,
  };
  writeFileSync(userSettings, JSON.stringify(settings));
  setPath(binary);
  for (const words of [["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "shapes"]]) {
    execFileSync("git", words, { cwd: tree, env: environment });
  }
}

function codeServer(...words) {
  const places = ["--config", join(temporary, "config.yaml"), "--user-data-dir", join(temporary, "user"), "--extensions-dir", join(temporary, "extensions")];
  return [join(folder, "node_modules/code-server/out/node/entry.js"), ...places, ...words];
}

function start() {
  const words = ["--auth", "none", "--bind-addr", "127.0.0.1:0", "--disable-telemetry", "--disable-update-check", "--disable-workspace-trust"];
  server = spawn(process.execPath, codeServer(...words), { env: environment, cwd: tree, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  server.stderr.on("data", (data) => (complaints += data));
  return new Promise((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`code-server ended with ${code}`)));
    createInterface(server.stdout).on("line", (line) => {
      const url = /listening on (http:\S+)/.exec(line)?.[1];
      if (url !== undefined) {
        resolve(url);
      }
    });
  });
}

/** Saves until this holds of what is on disk: keys are told to the editor, not waited for. */
async function saved(holds) {
  for (const end = performance.now() + 20 * SECONDS; ; await sleep(250)) {
    await page.keyboard.press("Control+s");
    const text = readFileSync(file, "utf8");
    if (holds(text)) {
      return text;
    }
    assert.ok(performance.now() < end, `the file holds:\n${text}`);
  }
}

/** Puts the cursor where this text begins, which has to be in the file as it was saved. */
async function goTo(text) {
  const before = readFileSync(file, "utf8").split(text, 1)[0].split("\n");
  await page.keyboard.press("Control+g");
  await page.locator(".quick-input-widget input").waitFor();
  await page.keyboard.type(`${before.length}:${before.at(-1).length + 1}`);
  await page.keyboard.press("Enter");
  await page.locator(".quick-input-widget").waitFor({ state: "hidden" });
}

async function run(command) {
  await page.keyboard.press("F1");
  await page.locator(".quick-input-widget input").waitFor();
  await page.keyboard.type(command);
  await page.locator(".quick-input-list .monaco-list-row", { hasText: command }).first().click();
}

const type = (text) => page.keyboard.type(text, { delay: KEY });
const ghost = () => page.locator(".view-lines .ghost-text-decoration");

async function ghostText() {
  await ghost().first().waitFor();
  return (await ghost().allTextContents()).join("").replaceAll("\u00a0", " ");
}

const status = (said) => page.locator(`.statusbar-item[id^="tenon."][aria-label*="${said}"]`);

async function drive() {
  await step("the extension is installed", () => {
    execFileSync(process.execPath, codeServer("--install-extension", extension), { env: environment, cwd: tree, stdio: "pipe" });
  });
  let url;
  await step("the editor is served", async () => {
    url = await start();
  });
  await step("a folder and a file are open", async () => {
    const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
    browser = await chromium.launch({ executablePath: BROWSER, args: FLAGS, env: environment, ...signals });
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(PATIENCE);
    await page.goto(`${url}?folder=${tree}`);
    await page.getByRole("treeitem", { name: "shapes.py" }).dblclick();
    await page.locator(".view-line", { hasText: "perimeter" }).first().click();
  });
  await step("the status says that completion is on", () => status("Completion is on").waitFor());

  let shown;
  await page.keyboard.press("Control+End");
  await type("def volume(width, height, depth):\nreturn ");
  await step("ghost text is shown", async () => {
    shown = await ghostText();
    return shown;
  });
  await step("Tab takes it", async () => {
    await page.keyboard.press("Tab");
    await saved((text) => text.endsWith(`depth):\n    return ${shown}`));
  });
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Backspace");
  await type("\n\ndef surface(width, height, depth):\nreturn ");
  await step("ghost text is shown again", async () => {
    shown = await ghostText();
    return shown;
  });
  let taken;
  await step("Ctrl+Right takes a word of it", async () => {
    await page.keyboard.press("Control+ArrowRight");
    const last = (text) => text.split("    return ").at(-1);
    taken = last(await saved((text) => text.includes("def surface") && last(text) !== ""));
    assert.ok(taken.length < shown.length && shown.startsWith(taken), `${taken} of ${shown}`);
    await ghost().first().waitFor();
    return taken;
  });
  await step("Escape dismisses the rest", async () => {
    await page.keyboard.press("Escape");
    await ghost().first().waitFor({ state: "hidden" });
    await saved((text) => text.endsWith(`    return ${taken}`));
  });

  await goTo("rea(width");
  await type("r");
  await step("silence has its reason", async () => {
    await status("Tenon: inside word").hover();
    const hover = page.locator(".monaco-hover", { hasText: "Nothing to suggest" });
    return (await hover.first().textContent()).trim();
  });
  await step("completion is turned off and on", async () => {
    await status("Tenon").click();
    await status("Completion is off").click();
    await status("Completion is on").waitFor();
  });

  // What was typed is taken back.
  await page.locator(".view-line", { hasText: "perimeter" }).first().click();
  await page.keyboard.press("Control+z");
  await page.keyboard.press("Escape");
  await saved((text) => text.includes("def area("));
  await goTo("width * height");
  await step("actions are offered", async () => {
    await page.keyboard.press("Control+.");
    const actions = page.locator(".action-widget", { hasText: "Tenon: write tests for area" });
    await actions.waitFor();
    await page.keyboard.press("Escape");
    await actions.waitFor({ state: "hidden" });
  });
  // Not saved: the extension does that.
  await type(" ");
  await step("a command has the model explain", async () => {
    await run("Tenon: Explain This");
    const explained = page.locator(".notification-toast", { hasText: "Show the Log" });
    await explained.waitFor({ timeout: 2 * PATIENCE });
    return (await explained.locator(".notification-list-item-message").textContent()).trim();
  });
  await step("a missing binary is told, and a mended path is taken up", async () => {
    setPath("/nowhere/tenon");
    const told = page.locator(".notification-toast", { hasText: "could not be started" });
    await told.waitFor();
    assert.equal(await told.count(), 1);
    await status("could not be started").waitFor();
    setPath(binary);
    await status("Completion is on").waitFor();
  });
}

prepare();
try {
  await drive();
} catch (error) {
  if (!ended) {
    const picture = join(tmpdir(), `tenon-vscode-${process.pid}.png`);
    await page?.screenshot({ path: picture, timeout: 10 * SECONDS }).then(() => console.error(`vscode: see ${picture}`), () => {});
    console.error(`${complaints}vscode: ${error.stack}`);
    process.exitCode = 1;
  }
} finally {
  await end();
}
