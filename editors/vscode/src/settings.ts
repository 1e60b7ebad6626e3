import { homedir } from "node:os";

/** The part of VS Code's configuration that is read. */
export interface Configuration {
  get<T>(section: string, fallback: T): T;
}

/** What `tenon lsp` is started with. */
export interface Settings {
  enabled: boolean;
  command: string;
  arguments: string[];
  initializationOptions: { automaticDeadline: number; invokedDeadline: number; alternatives: number };
}

/** Reads the settings; what is not a sensible value is replaced by the default. */
export function readSettings(configuration: Configuration): Settings {
  const model = configuration.get("model", "").trim();
  const whole = (section: string, fallback: number): number => {
    const value = configuration.get<unknown>(section, fallback);
    return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : fallback;
  };
  return {
    enabled: configuration.get("enabled", true),
    // As in a shell, which is where a path is copied from.
    command: configuration.get("path", "tenon").trim().replace(/^~(?=[/\\])/, homedir()) || "tenon",
    arguments: [
      "lsp",
      ...(model === "" ? [] : ["--model", model]),
      ...(configuration.get<boolean>("report", false) ? ["--report"] : []),
    ],
    initializationOptions: {
      automaticDeadline: whole("automaticDeadline", 2000),
      invokedDeadline: whole("invokedDeadline", 5000),
      alternatives: whole("alternatives", 3),
    },
  };
}
