import { execFile } from "node:child_process";
import { promisify } from "node:util";

import * as vscode from "vscode";
import { LanguageClient, State, TransportKind, type Middleware, type ShowMessageParams } from "vscode-languageclient/node";

import { ERRANDS, FIX, problemAt, type Errand } from "./errands";
import { readSettings, type Settings } from "./settings";
import { describe, OFF, READY, STARTING, STOPPED, statusOf, type CompletionReport, type Status } from "./status";

const VERSION_PATIENCE = 10_000;
/** A notification shows this much when it has no button; with one, it shows everything. */
const ONE_LINE = 60;

let client: LanguageClient | undefined;
/** Starts and stops one after the other: a second one waits for the first. */
let turn: Promise<void> = Promise.resolve();

export function activate(context: vscode.ExtensionContext): void {
  const item = vscode.window.createStatusBarItem("tenon.status", vscode.StatusBarAlignment.Right);
  item.name = "Tenon";
  item.command = "tenon.toggle";
  item.show();
  const log = vscode.window.createOutputChannel("Tenon", { log: true });
  const settings = (): Settings => readSettings(vscode.workspace.getConfiguration("tenon"));
  const show = (status: Status): void => {
    item.text = status.text;
    item.tooltip = status.tooltip;
  };
  let started: Settings | undefined;
  const restart = (): Promise<void> => {
    turn = turn.then(async () => {
      await stop(log);
      started = settings();
      await start(started, log, show);
    });
    return turn;
  };
  const followSettings = (): void => {
    const { enabled, ...server } = settings();
    if (started !== undefined && JSON.stringify(server) !== JSON.stringify({ ...started, enabled: undefined })) {
      void restart();
    } else if (client !== undefined) {
      show(enabled ? READY : OFF);
    }
  };
  context.subscriptions.push(
    item,
    log,
    vscode.commands.registerCommand("tenon.restart", restart),
    vscode.commands.registerCommand("tenon.showLog", () => log.show()),
    vscode.commands.registerCommand("tenon.toggle", () =>
      vscode.workspace.getConfiguration("tenon").update("enabled", !settings().enabled, vscode.ConfigurationTarget.Global),
    ),
    ...ERRANDS.map((errand) => vscode.commands.registerCommand(errand.command, () => run(errand))),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("tenon")) {
        followSettings();
      }
    }),
  );
  void restart();
}

export function deactivate(): Promise<void> {
  turn = turn.then(() => stop());
  return turn;
}

async function start(settings: Settings, log: vscode.LogOutputChannel, show: (status: Status) => void): Promise<void> {
  show(STARTING);
  try {
    // Asked first: the client would tell of a missing binary in its own words, and not how to mend it.
    const { stdout } = await promisify(execFile)(settings.command, ["--version"], { timeout: VERSION_PATIENCE });
    log.info(`${stdout.trim()}: ${[settings.command, ...settings.arguments].join(" ")}`);
    client = await connect(settings, log, show);
    show(settings.enabled ? READY : OFF);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.error(reason);
    show({ text: "$(warning) Tenon", tooltip: `\`${settings.command}\` could not be started: ${reason}` });
    const said = `Tenon: \`${settings.command}\` could not be started. Install it, or set "tenon.path" to where it is.`;
    void offer(vscode.window.showErrorMessage, said, {
      "Open the Setting": () => vscode.commands.executeCommand("workbench.action.openSettings", "tenon.path"),
      "Show the Log": () => log.show(),
    });
  }
}

async function connect(
  settings: Settings,
  log: vscode.LogOutputChannel,
  show: (status: Status) => void,
): Promise<LanguageClient> {
  const connecting = new LanguageClient(
    "tenon",
    "Tenon",
    { command: settings.command, args: settings.arguments, transport: TransportKind.stdio },
    {
      documentSelector: [{ scheme: "file" }, { scheme: "untitled" }],
      initializationOptions: settings.initializationOptions,
      outputChannel: log,
      middleware,
    },
  );
  connecting.onNotification("tenon/completion", (report: CompletionReport) => {
    log.debug(describe(report));
    show(statusOf(report));
  });
  connecting.onNotification("window/showMessage", (message: ShowMessageParams) => tell(message, log));
  await connecting.start();
  // The client starts a server that crashed again, until it has crashed too often.
  connecting.onDidChangeState(({ newState }) => {
    if (client === connecting) {
      show(newState === State.Running ? READY : newState === State.Starting ? STARTING : STOPPED);
    }
  });
  return connecting;
}

async function stop(log?: vscode.LogOutputChannel): Promise<void> {
  const running = client;
  client = undefined;
  try {
    await running?.stop();
  } catch (error) {
    // One that crashed cannot be stopped; the next one is to start nevertheless.
    log?.warn(String(error));
  }
}

const middleware: Middleware = {
  // Only what nobody asked for is turned off, and without ending the server: its actions are still there.
  provideInlineCompletionItems: (document, position, context, token, next) => {
    const isAsked = context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
    const isOn = readSettings(vscode.workspace.getConfiguration("tenon", document)).enabled;
    return isAsked || isOn ? next(document, position, context, token) : undefined;
  },
  // The server works on files as they are on disk, and refuses what is not saved.
  executeCommand: async (command, words, next) => {
    const document = vscode.window.activeTextEditor?.document;
    if (command === "tenon.run" && document?.isDirty && !document.isUntitled) {
      await document.save();
    }
    return next(command, words);
  },
};

/** Runs the action that the server offers at the cursor, or says where it would offer one. */
async function run(errand: Errand): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined || client === undefined) {
    const said = editor === undefined ? "open a file first" : "the server is not running";
    void vscode.window.showWarningMessage(`Tenon: ${said}`);
    return;
  }
  const { document, selection } = editor;
  const problem = errand.command === FIX && problemAt(vscode.languages.getDiagnostics(document.uri), selection.active.line);
  const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
    "vscode.executeCodeActionProvider",
    document.uri,
    problem ? problem.range : selection,
    errand.kind,
  );
  const command = actions.find((action) => action.kind?.value === errand.kind)?.command;
  if (command === undefined) {
    void vscode.window.showInformationMessage(`Tenon: nothing to do here; ${errand.hint}`);
    return;
  }
  await vscode.commands.executeCommand(command.command, ...(command.arguments ?? []));
}

function tell({ type, message }: ShowMessageParams, log: vscode.LogOutputChannel): void {
  const { showErrorMessage, showWarningMessage, showInformationMessage } = vscode.window;
  const showMessage = type === 1 ? showErrorMessage : type === 2 ? showWarningMessage : showInformationMessage;
  log.info(message);
  void offer(showMessage, message, message.length > ONE_LINE ? { "Show the Log": () => log.show() } : {});
}

async function offer(
  showMessage: (message: string, ...buttons: string[]) => Thenable<string | undefined>,
  message: string,
  buttons: Record<string, () => unknown>,
): Promise<void> {
  const pressed = await showMessage(message, ...Object.keys(buttons));
  if (pressed !== undefined) {
    await buttons[pressed]?.();
  }
}
