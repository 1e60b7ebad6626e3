import * as vscode from "vscode";
import { LanguageClient, TransportKind } from "vscode-languageclient/node";

import { readSettings, type Settings } from "./settings";
import { OFF, READY, STARTING, statusOf, type CompletionReport, type Status } from "./status";

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
  const restart = (): Promise<void> => {
    turn = turn.then(async () => {
      await stop();
      await start(settings(), log, show);
    });
    return turn;
  };
  context.subscriptions.push(
    item,
    log,
    vscode.commands.registerCommand("tenon.restart", restart),
    vscode.commands.registerCommand("tenon.showLog", () => log.show()),
    vscode.commands.registerCommand("tenon.toggle", () =>
      vscode.workspace.getConfiguration("tenon").update("enabled", !settings().enabled, vscode.ConfigurationTarget.Global),
    ),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("tenon")) {
        void restart();
      }
    }),
  );
  void restart();
}

export function deactivate(): Promise<void> {
  turn = turn.then(stop);
  return turn;
}

async function start(settings: Settings, log: vscode.LogOutputChannel, show: (status: Status) => void): Promise<void> {
  if (!settings.enabled) {
    show(OFF);
    return;
  }
  show(STARTING);
  const started = new LanguageClient(
    "tenon",
    "Tenon",
    { command: settings.command, args: settings.arguments, transport: TransportKind.stdio },
    {
      documentSelector: [{ scheme: "file" }, { scheme: "untitled" }],
      initializationOptions: settings.initializationOptions,
      outputChannel: log,
    },
  );
  started.onNotification("tenon/completion", (report: CompletionReport) => show(statusOf(report)));
  try {
    await started.start();
    client = started;
    show(READY);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.error(reason);
    show({ text: "$(warning) Tenon", tooltip: `\`${settings.command}\` could not be started: ${reason}` });
    void vscode.window.showErrorMessage(
      `Tenon: \`${settings.command}\` could not be started. Install it, or set "tenon.path" to where it is.`,
    );
  }
}

async function stop(): Promise<void> {
  const running = client;
  client = undefined;
  await running?.stop();
}
