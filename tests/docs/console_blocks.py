"""Reads the ```console blocks of the documents: `$ ` begins a command, the lines after it are what it prints.

A line that ends in a backslash goes on in the next. `...` in the output stands for anything.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from shared.paths import ROOT

# The reference shows usage, which nobody types as it stands.
DOCUMENTS = (
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(path for path in ROOT.glob("docs/**/*.md") if path.parent.name not in {"adr", "reference"}),
)
PROMPT = "$ "
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Command:
    """A command as a document shows it, with the output that it shows."""

    document: Path
    line: int
    text: str
    output: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}: {self.text}"

    def is_answered_by(self, printed: str) -> bool:
        """Say whether a print-out is the one shown; one that is not shown may be anything."""
        if not self.output.strip():
            return True
        pattern = ".*?".join(re.escape(part) for part in self.output.strip().split("..."))
        return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def commands_in(document: Path) -> list[Command]:
    """Return a document's commands in order."""
    text = document.read_text(encoding="utf-8")
    found = []
    for block in _BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(1)) + 1
        found += _commands(document, block.group(1).splitlines(), line)
    return found


def _commands(document: Path, lines: list[str], first_line: int) -> list[Command]:
    found: list[Command] = []
    goes_on = False
    for number, shown in enumerate(lines, start=first_line):
        if goes_on or shown.startswith(PROMPT):
            goes_on_before, goes_on = goes_on, shown.endswith("\\")
            typed = shown if goes_on_before else shown.removeprefix(PROMPT)
            if goes_on_before:
                last = found.pop()
                found.append(Command(document, last.line, f"{last.text}\n{typed}", ""))
            else:
                found.append(Command(document, number, typed, ""))
        elif found:
            last = found.pop()
            found.append(Command(document, last.line, last.text, f"{last.output}{shown}\n"))
        else:
            raise ValueError(f"{document}:{number}: a console block must begin with a command, began with {shown}")
    return found
