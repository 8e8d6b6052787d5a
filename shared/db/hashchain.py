"""Chains of hashes: each link's hash covers what the link says, its number and the hash before it.

A link that was changed, taken out or moved no longer fits its neighbours, and `flaws` names it. Who can write the
whole chain anew can hide anything; so its head is also kept where that writer has no say.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

Link = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Flaw:
    """A place where a chain does not hold: the number of the link, what happened to it, and how that shows."""

    number: int
    kind: Literal["changed", "missing", "reordered", "added"]
    detail: str


def link_hash(link: Link) -> str:
    """Return the SHA-256 of a link, its own hash left out."""
    covered = {name: part for name, part in link.items() if name != "hash"}
    return hashlib.sha256(_JSON.encode(covered).encode()).hexdigest()


def _text(part: object) -> str:
    if isinstance(part, datetime):
        return part.isoformat()
    if isinstance(part, UUID):
        return str(part)
    raise TypeError(f"a link must be made of JSON, instants and UUIDs, not of {type(part).__name__}")


# Made once: a ledger has a link for every entry.
_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False, default=_text)


def flaws(links: Iterable[Link], head: tuple[int, str] | None = None) -> list[Flaw]:
    """Walk a chain from its first link and say where it does not hold.

    Args:
        links: Rows with `number`, `previous_hash` and `hash` among what they say, in any order.
        head: Number and hash of the last link as kept elsewhere, if they are.
    """
    found: list[Flaw] = []
    left = {link["number"]: link for link in sorted(links, key=lambda link: int(link["number"]))}
    by_previous: dict[str, list[Link]] = {}
    for link in left.values():
        by_previous.setdefault(link["previous_hash"], []).append(link)
    place, previous = 1, ""
    while left:
        following = _following(by_previous.get(previous, ()), left, place)
        link = left[min(left)] if following is None else following
        if following is None:
            found.append(_gap(link, place))
            place = max(place, link["number"])
        del left[link["number"]]
        found += _misfits(link, place)
        place, previous = place + 1, link["hash"]
    return found + _misfits_of_head(head, place - 1, previous)


def _following(candidates: Sequence[Link], left: Mapping[int, Link], place: int) -> Link | None:
    """Return the link that has the hash before it; the one at its place, should several claim it."""
    waiting = [link for link in candidates if link["number"] in left]
    at_place = [link for link in waiting if link["number"] == place]
    return next(iter(at_place or waiting), None)


def _gap(link: Link, place: int) -> Flaw:
    if link["number"] > place:
        last = link["number"] - 1
        return Flaw(place, "missing", f"no link {place}" if last == place else f"no links {place} to {last}")
    return Flaw(max(place - 1, 1), "changed", f"link {link['number']} has another hash before it")


def _misfits(link: Link, place: int) -> list[Flaw]:
    number = link["number"]
    moved = [] if number == place else [Flaw(number, "reordered", f"stands at {number}, belongs at {place}")]
    if link_hash({**link, "number": place}) == link["hash"]:
        return moved
    return [*moved, Flaw(number, "changed", "what it says does not give its hash")]


def _misfits_of_head(head: tuple[int, str] | None, last: int, last_hash: str) -> list[Flaw]:
    if head is None or head == (last, last_hash):
        return []
    number, _ = head
    if number > last:
        return [Flaw(last + 1, "missing", f"the last link is {number}")]
    if number < last:
        return [Flaw(number + 1, "added", f"the last link is {number}")]
    return [Flaw(number, "changed", "the last link's hash is another one")]
