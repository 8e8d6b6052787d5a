"""The one language that a person reads: that of `--lang`, else the locale's, else English.

Texts for people hold both languages, "English / 한국어", so that neither is forgotten; `in_language` takes one of them.
"""

import os
from collections.abc import Sequence
from enum import StrEnum

OPTION = "--lang"
SEPARATOR = " / "
# In the order of POSIX.1-2017, 8.2: the first that is set names the language of messages.
LOCALE_NAMES = ("LC_ALL", "LC_MESSAGES", "LANG")


class Language(StrEnum):
    """A language of help and output."""

    EN = "en"
    KO = "ko"


def locale_language() -> Language:
    """Return Korean where the locale is Korean, English elsewhere."""
    locale = next((named for name in LOCALE_NAMES if (named := os.environ.get(name))), "")
    return Language.KO if locale.lower().startswith(("ko_", "ko.", "ko-")) or locale.lower() == "ko" else Language.EN


_chosen: list[Language] = []


def use_language(language: Language | None) -> None:
    """Choose the language of this process; None leaves it to the locale."""
    _chosen[:] = [] if language is None else [language]


def language() -> Language:
    """Return the language in use."""
    return _chosen[0] if _chosen else locale_language()


def in_language(text: str, wanted: Language | None = None) -> str:
    """Return the part of "English / 한국어" in a language, or in the one in use; a text without both is for all."""
    english, separator, korean = text.rpartition(SEPARATOR)
    if not separator:
        return text
    return korean if (wanted or language()) is Language.KO else english


def option_first(arguments: Sequence[str]) -> list[str]:
    """Return a command line's arguments with `--lang` in front, where the root command takes it from."""
    moved: list[str] = []
    rest = list(arguments)
    end = rest.index("--") if "--" in rest else len(rest)
    for position in range(end - 1, -1, -1):
        if rest[position].startswith(f"{OPTION}="):
            moved = [rest.pop(position)]
        elif rest[position] == OPTION and position + 1 < len(rest):
            moved = rest[position : position + 2]
            del rest[position : position + 2]
    return [*moved, *rest]
