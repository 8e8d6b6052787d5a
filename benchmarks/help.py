"""Time the help of every verb, as a ratio to the help of a Typer app of two commands.

Run: .venv/bin/python -m benchmarks.help

A round starts each program once, one after the other, so that what else runs on the machine is in all of them.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import typer

from cli.main import VERBS, app_with

ROUNDS = 7
RATIO_MAX = 1.5
SMALL_APP = """
import typer
app = typer.Typer()
@app.command()
def first(number: int = 1) -> None: "Do one thing."
@app.command()
def second(name: str = "") -> None: "Do another."
app()
"""


def cpu_s(program: Sequence[str]) -> float:
    """Return the CPU time of a program that ends by itself."""
    before = os.times()
    subprocess.run(program, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def verbs(command: Any, *words: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of every verb and group."""
    yield words
    for name, child in getattr(command, "commands", {}).items():
        yield from verbs(child, *words, name)


def main() -> None:
    """Print medians and ratios as one JSON object; exit 1 where a ratio is too large."""
    sandan = str(Path(sys.executable).with_name("sandan"))
    programs = {"a Typer app of two commands": [sys.executable, "-c", SMALL_APP, "--help"]}
    for words in verbs(typer.main.get_command(app_with(*VERBS))):
        programs[" ".join(["sandan", *words])] = [sandan, *words, "--help"]
    took_s: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, program in programs.items():
            took_s[name].append(cpu_s(program))
    [small, *rest] = [(name, median(each)) for name, each in took_s.items()]
    ratios = {name: round(each / small[1], 2) for name, each in rest}
    print(json.dumps({small[0]: f"{1_000 * small[1]:.0f} ms of CPU", "ratios": ratios}, indent=2))
    if max(ratios.values()) > RATIO_MAX:
        sys.exit(1)


if __name__ == "__main__":
    main()
