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
export const OFF: Status = { text: "$(circle-slash) Tenon", tooltip: "Completion is off; click to turn it on" };
export const READY: Status = { text: "$(check) Tenon", tooltip: "Completion is on; click to turn it off" };

/** The status after a completion: what was shown and how soon, or why there is silence. */
export function statusOf(report: CompletionReport): Status {
  const time = `${Math.round(report.milliseconds)} ms`;
  if (report.shown > 0) {
    const suggestions = report.shown === 1 ? "1 suggestion" : `${report.shown} suggestions`;
    return { text: "$(check) Tenon", tooltip: `${suggestions} in ${time}` };
  }
  const reason = report.reason ?? "nothing";
  const broken = reason === "no_model";
  return {
    text: broken ? "$(warning) Tenon" : `$(dash) Tenon: ${reason.replaceAll("_", " ")}`,
    tooltip: `Nothing to suggest: ${report.message ?? reason} (${time})`,
  };
}
