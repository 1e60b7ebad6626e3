/** How one completion ended, as `tenon lsp` tells it in `tenon/completion`. */
export interface CompletionReport {
  id: string;
  shown: number;
  reason: string | null;
  message: string | null;
  milliseconds: number;
}

/** What the item in the status bar says. */
export interface Status {
  text: string;
  tooltip: string;
}

export const STARTING: Status = { text: "$(loading~spin) Tenon", tooltip: "Tenon is reading the folder and loading the model" };
export const STOPPED: Status = { text: "$(warning) Tenon", tooltip: "The server ended; see the log, and restart it" };
export const OFF: Status = { text: "$(circle-slash) Tenon", tooltip: "Completion is off; click to turn it on" };
export const READY: Status = { text: "$(check) Tenon", tooltip: "Completion is on; click to turn it off" };

/** What was shown and how soon, or why there is silence. */
export function describe(report: CompletionReport): string {
  const time = `${Math.round(report.milliseconds)} ms`;
  if (report.shown > 0) {
    const suggestions = report.shown === 1 ? "1 suggestion" : `${report.shown} suggestions`;
    return `${suggestions} in ${time}`;
  }
  return `Nothing to suggest: ${report.message ?? report.reason ?? "nothing"} (${time})`;
}

/** The status after a completion: that something is shown, or why there is silence. */
export function statusOf(report: CompletionReport): Status {
  const tooltip = describe(report);
  if (report.shown > 0) {
    return { text: "$(check) Tenon", tooltip };
  }
  const reason = report.reason ?? "nothing";
  return { text: reason === "no_model" ? "$(warning) Tenon" : `$(dash) Tenon: ${reason.replaceAll("_", " ")}`, tooltip };
}
