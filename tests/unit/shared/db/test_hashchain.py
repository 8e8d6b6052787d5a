"""A chain says where it was touched."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.db.hashchain import Flaw, flaws, link_hash

Row = dict[str, Any]
LENGTH = 6


def a_chain(length: int = LENGTH) -> list[Row]:
    rows: list[Row] = []
    for number in range(1, length + 1):
        row: Row = {"number": number, "said": f"deed {number}", "previous_hash": rows[-1]["hash"] if rows else ""}
        rows.append({**row, "hash": link_hash(row)})
    return rows


def head_of(rows: list[Row]) -> tuple[int, str]:
    return rows[-1]["number"], rows[-1]["hash"]


def kinds(found: list[Flaw]) -> list[tuple[int, str]]:
    return [(flaw.number, flaw.kind) for flaw in found]


@given(st.permutations(a_chain()))
def test_a_chain_that_nobody_touched_holds_in_whatever_order_it_is_read(rows: list[Row]) -> None:
    assert flaws(rows, head_of(a_chain())) == []


@given(st.integers(1, LENGTH))
def test_a_changed_link_is_named(number: int) -> None:
    rows = a_chain()
    rows[number - 1]["said"] = "something else"

    assert kinds(flaws(rows, head_of(a_chain()))) == [(number, "changed")]


@given(st.integers(1, LENGTH))
def test_a_changed_link_with_a_hash_that_fits_it_is_named_by_the_next(number: int) -> None:
    rows = a_chain()
    changed = {**rows[number - 1], "said": "something else"}
    rows[number - 1] = {**changed, "hash": link_hash(changed)}

    assert kinds(flaws(rows, head_of(a_chain()))) == [(number, "changed")]


@given(st.integers(1, LENGTH))
def test_a_link_that_was_taken_out_is_named(number: int) -> None:
    rows = a_chain()
    del rows[number - 1]

    assert kinds(flaws(rows, head_of(a_chain()))) == [(number, "missing")]


@given(st.lists(st.integers(1, LENGTH), min_size=2, max_size=2, unique=True))
def test_links_that_changed_places_are_named_with_the_place_they_belong_to(pair: list[int]) -> None:
    one, other = pair
    rows = a_chain()
    rows[one - 1]["number"], rows[other - 1]["number"] = other, one

    found = flaws(rows, head_of(a_chain()))

    assert sorted(kinds(found)) == sorted([(one, "reordered"), (other, "reordered")])
    assert {flaw.detail for flaw in found} == {
        f"stands at {other}, belongs at {one}",
        f"stands at {one}, belongs at {other}",
    }


def test_a_chain_cut_off_or_made_longer_does_not_fit_its_head() -> None:
    rows = a_chain()

    assert flaws(rows[:3], head_of(rows)) == [Flaw(4, "missing", "the last link is 6")]
    assert flaws([], head_of(rows)) == [Flaw(1, "missing", "the last link is 6")]
    assert kinds(flaws(rows, head_of(rows[:4]))) == [(5, "added")]


def test_a_chain_made_anew_does_not_fit_its_head() -> None:
    assert kinds(flaws(a_chain(), (LENGTH, "0" * 64))) == [(LENGTH, "changed")]


def test_several_missing_links_are_one_flaw_with_both_ends() -> None:
    rows = a_chain()

    assert flaws([*rows[:1], *rows[4:]]) == [Flaw(2, "missing", "no links 2 to 4")]
