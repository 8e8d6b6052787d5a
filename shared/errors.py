"""Input that breaks a rule, wherever it came from: the one exception for it, and what odd input raises unforeseen."""

import re
import struct
from collections.abc import Iterable
from functools import cache

# What a reader of outside input raises where the input is odder than its author thought of. Caught only where such
# input is read or calculated with, and never around a database or a bus: there they are a lost invariant of our own.
ODD_INPUT = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, struct.error)


# Shorter names (I, II, F1) are all alike, and none of them is another one misspelt.
LETTERS_MIN = 3


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return the hint that names what a person probably meant; "" where nothing known is like it.

    Args:
        given: A field, id or option that is not known.
        known: Those that are.
    """
    from difflib import get_close_matches

    if len(given) < LETTERS_MIN:
        return ""
    like = get_close_matches(given, list(known), n=1)
    return f"did you mean {like[0]}?" if like else ""


def json_path(location: Iterable[int | str]) -> str:
    """Return where a value stands, from the outside in, as a JSON path: `$.battery.soc_min`, `$.days[0]`."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


def written(value: object) -> str:
    """Write what was given: parts one by one, texts in quotes, and Decimals with their digits alone."""
    match value:
        case list() | tuple():
            return f"[{', '.join(map(written, value))}]"
        case dict():
            return "{" + ", ".join(f"{written(name)}: {written(inner)}" for name, inner in value.items()) + "}"
        case str():
            return repr(value)
        case _:
            return str(value)


def printable(text: str) -> str:
    """Return a text with what breaks a line, turns its direction or has no form written as an escape."""
    return text if text.isprintable() else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


class BadInput(Exception):  # noqa: N818 -- it names what a person gave, as the messages do
    """Input from outside (a file, a flag, a request, an event) breaks a rule.

    The message is one line for the person who gave the input: where, field, rule, value.

    Args:
        where: The file and row ("orders.csv row 3"), or the source of a setting ("environment").
        field: Column, JSON path or setting name ("price_krw_per_kwh", "$.battery.soc_min").
        rule: What must hold, with its unit ("must be > 0 kWh").
        value: What was given instead.
        hint: What to do about it, when that is not plain from the rule.
    """

    def __init__(self, *, where: str, field: str, rule: str, value: object, hint: str = "") -> None:
        self.where = where
        self.field = field
        self.rule = rule
        self.value = value
        self.hint = hint
        shown = written(value)
        shown = shown if len(shown) <= 120 else shown[:117] + "..."  # noqa: PLR2004 -- one terminal line
        self.shown = shown
        super().__init__(f"{where}: {field} {rule}, was {shown}" + (f" ({hint})" if hint else ""))


class BadInputs(Exception):  # noqa: N818 -- as above
    """Several broken rules found in one reading; the message has a line for each."""

    def __init__(self, problems: Iterable[BadInput]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def translated(pairs: tuple[tuple[str, str], ...], text: str) -> str:
    """Return a sentence in the second language of pairs, or as it is; `{}` stands for what differs."""
    for pattern, other in _patterns(pairs):
        if found := pattern.fullmatch(text):
            return other.format(*found.groups())
    return text


@cache
def _patterns(pairs: tuple[tuple[str, str], ...]) -> list[tuple[re.Pattern[str], str]]:
    """Return what each first form matches; the forms with the most words of their own come first."""
    ordered = sorted(pairs, key=lambda pair: -len(pair[0].replace("{}", "")))
    return [(re.compile(re.escape(first).replace(r"\{\}", "(.+?)"), re.DOTALL), second) for first, second in ordered]
