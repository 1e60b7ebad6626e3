#!/usr/bin/env python3
"""Checks the manual without mdbook: every page is listed, every listed page and relative link exists."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "docs" / "src"
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def broken_links(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists():
            yield f"{page.relative_to(ROOT)}: the link to `{target}` leads nowhere"


def unlisted_pages():
    summary = (SOURCE / "SUMMARY.md").read_text(encoding="utf-8")
    listed = {(SOURCE / target).resolve() for target in LINK.findall(summary)}
    for page in sorted(SOURCE.rglob("*.md")):
        if page.name != "SUMMARY.md" and page.resolve() not in listed:
            yield f"{page.relative_to(ROOT)}: not listed in SUMMARY.md"


def main():
    pages = sorted(SOURCE.rglob("*.md")) + sorted(ROOT.glob("*.md")) + sorted((ROOT / "eval").rglob("README.md"))
    pages = [page for page in pages if "suites/repo/" not in page.as_posix()]
    problems = [problem for page in pages for problem in broken_links(page)]
    problems += unlisted_pages()
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"docs: {len(pages)} pages, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
