// Runs the examples of one candidate. Reads its task from standard input; answers lines that start with a secret.
// Wrapped, because what `node -e` declares at the top would collide with the candidate's own names.
(() => {
  "use strict";
  const fs = require("node:fs");
  const path = require("node:path");
  const vm = require("node:vm");
  const util = require("node:util");
  const { createRequire } = require("node:module");
  const { pathToFileURL } = require("node:url");

  const task = JSON.parse(fs.readFileSync(0, "utf8"));
  const secret = task.secret;
  const writeSync = fs.writeSync;
  const send = (message) => writeSync(1, secret + JSON.stringify(message) + "\n");
  const LONGEST = 600;
  const clock = setTimeout;

  process.stdout.write = () => true;
  process.stderr.write = () => true;
  process.exit = () => {
    throw new Error("the program called process.exit");
  };
  process.on("uncaughtException", () => {});
  process.on("unhandledRejection", () => {});

  const run = (code, name, seconds) =>
    vm.runInThisContext(code, { filename: name, timeout: Math.ceil(seconds * 1000), displayErrors: false });

  const bounded = (value) => {
    const text = util.inspect(value, { depth: 6, breakLength: Infinity, maxArrayLength: 200, maxStringLength: 2000 });
    return text.length > LONGEST ? text.slice(0, LONGEST - 1) + "…" : text;
  };

  const describe = (error) => {
    if (error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return "no result within " + task.example_seconds + " s";
    return String(error && error.name ? error.name + ": " + error.message : error).slice(0, LONGEST);
  };

  function same(left, right, depth = 0) {
    if (Object.is(left, right) || left === right) return true;
    if (typeof left === "number" && typeof right === "number") {
      if (!Number.isFinite(left) || !Number.isFinite(right)) return false;
      const close = Math.abs(left - right) <= Math.max(1e-6 * Math.max(Math.abs(left), Math.abs(right)), 1e-9);
      return close && !(Number.isInteger(left) && Number.isInteger(right));
    }
    if (typeof left !== "object" || typeof right !== "object" || !left || !right || depth > 60) return false;
    if (Array.isArray(left) !== Array.isArray(right)) return false;
    if (Array.isArray(left)) return left.length === right.length && left.every((item, index) => same(item, right[index], depth + 1));
    if (left instanceof Set && right instanceof Set) {
      return left.size === right.size && [...left].every((item) => right.has(item) || [...right].some((other) => same(item, other, depth + 1)));
    }
    if (left instanceof Map && right instanceof Map) {
      return left.size === right.size && [...left].every(([key, item]) => right.has(key) && same(item, right.get(key), depth + 1));
    }
    if (left instanceof Date && right instanceof Date) return left.getTime() === right.getTime();
    const keys = Object.keys(left);
    return keys.length === Object.keys(right).length && keys.every((key) => key in right && same(left[key], right[key], depth + 1));
  }

  // Module syntax of a text that stands alone, as a script understands it.
  function asScript(code) {
    return code
      .replace(/^[ \t]*export\s+default\s+(?=(async\s+)?(function|class)\s*[A-Za-z_$])/gm, "")
      .replace(/^[ \t]*export\s+default\s+[^;\n]+;?[ \t]*$/gm, "")
      .replace(/^[ \t]*export\s*\{[^}]*\}\s*;?[ \t]*$/gm, "")
      .replace(/^([ \t]*)export\s+(?=(async\s+)?(function|class|const|let|var)\b)/gm, "$1")
      .replace(/^[ \t]*import\s+\*\s+as\s+([\w$]+)\s+from\s+(["'][^"'\n]+["'])/gm, "const $1 = require($2)")
      .replace(/^[ \t]*import\s+\{([^}]*)\}\s+from\s+(["'][^"'\n]+["'])/gm, (_, names, from) => "const {" + names.replace(/\s+as\s+/g, ": ") + "} = require(" + from + ")")
      .replace(/^[ \t]*import\s+([\w$]+)\s+from\s+(["'][^"'\n]+["'])/gm, "const $1 = require($2)")
      .replace(/^[ \t]*import\s+(["'][^"'\n]+["'])/gm, "require($1)");
  }

  const provide = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });

  async function load() {
    provide("assert", require("node:assert"));
    if (!task.file) {
      provide("require", require);
      provide("module", { exports: {} });
      provide("exports", globalThis.module.exports);
      run(asScript(task.code), "candidate.js", task.load_seconds);
      return;
    }
    const file = path.resolve(task.file);
    const code = fs.readFileSync(file, "utf8");
    const typed = /\.(ts|mts|cts|tsx)$/.test(file);
    const isModule = typed || file.endsWith(".mjs") || /^[ \t]*(export|import)[\s{*]/m.test(code);
    if (typed && !process.features.typescript) {
      send({ unsupported: "this Node.js does not run TypeScript" });
      process.reallyExit(0);
    }
    if (isModule) {
      const offered = await import(pathToFileURL(file).href);
      for (const [name, value] of Object.entries(offered)) {
        const known = name === "default" && typeof value === "function" && value.name ? value.name : name;
        if (known !== "default") provide(known, value);
      }
      return;
    }
    provide("require", createRequire(file));
    provide("module", { exports: {}, filename: file });
    provide("exports", globalThis.module.exports);
    provide("__filename", file);
    provide("__dirname", path.dirname(file));
    run(code, file, task.load_seconds);
    if (typeof globalThis.module.exports === "function" && globalThis.module.exports.name && !(globalThis.module.exports.name in globalThis)) {
      try { provide(globalThis.module.exports.name, globalThis.module.exports); } catch {}
    }
  }

  const settle = (value) =>
    value && typeof value.then === "function"
      ? Promise.race([value, new Promise((_, reject) => clock(() => reject(new Error("no result within " + task.example_seconds + " s")), task.example_seconds * 1000))])
      : value;

  async function examine(example) {
    if (example.kind === "assertion") {
      await settle(run(example.code, "example", task.example_seconds));
      return { passed: true };
    }
    const got = await settle(run("(" + example.call + ")", "example", task.example_seconds));
    const expected = run("(" + example.expected + ")", "example", task.example_seconds);
    return { passed: same(got, expected), got: bounded(got), expected: bounded(expected) };
  }

  (async () => {
    try {
      await load();
    } catch (error) {
      const place = /candidate\.js:(\d+)/.exec((error && error.stack) || "");
      send({ load_error: describe(error), line: place ? Number(place[1]) : null });
      process.reallyExit(0);
    }
    send({ loaded: true });
    for (const [index, example] of task.examples.entries()) {
      let answer;
      try {
        answer = await examine(example);
      } catch (error) {
        answer = { passed: false, detail: describe(error) };
      }
      send({ index, ...answer });
    }
    process.reallyExit(0);
  })();
})();
