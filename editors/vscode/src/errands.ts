/** Longer work that the server offers as a code action, and the command that asks for it without a menu. */
export interface Errand {
  command: string;
  /** The kind that the server gives the action: no other server has it. */
  kind: string;
  /** What to do when the server offers nothing at the cursor. */
  hint: string;
}

export const FIX = "tenon.fixDiagnostic";

export const ERRANDS: readonly Errand[] = [
  {
    command: "tenon.generateFromComment",
    kind: "refactor.rewrite.tenon",
    hint: "put the cursor on a comment of three words or more that says what to write",
  },
  { command: FIX, kind: "quickfix.tenon", hint: "put the cursor on a line with a problem" },
  { command: "tenon.writeTests", kind: "refactor.tenon.tests", hint: "put the cursor into a function" },
  { command: "tenon.explain", kind: "refactor.tenon.explain", hint: "put the cursor into a function or a class" },
];

interface Span {
  start: { line: number };
  end: { line: number };
}

/** The problem to fix: of those that reach the line, the one that begins last. */
export function problemAt<T extends { range: Span }>(problems: readonly T[], line: number): T | undefined {
  const here = problems.filter(({ range }) => range.start.line <= line && line <= range.end.line);
  return here.sort((one, other) => other.range.start.line - one.range.start.line)[0];
}
