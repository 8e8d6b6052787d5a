"""`sandan audit verify` over the databases that settlement and the trading API left behind."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app_with
from shared.events.commands import DeedRecorded
from shared.events.settlement import CertificatesSettled, IntervalSettled
from tests.component.settlement.settlement_facts import (
    COMPLEX_ID,
    DELIVERY,
    FLOWS_WH,
    a_bench,
    an_auction,
    readings,
    sun,
)
from tests.component.trading_api.trading_api_bench import ApiBench


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a deployment in which an interval was settled and the operator did three things."""
    url = f"sqlite:///{tmp_path / 'data'}"
    settlement, api = a_bench(url), ApiBench(url)
    settlement.give(an_auction(DELIVERY), *readings(DELIVERY, FLOWS_WH), *sun(DELIVERY, 9_000))
    settlement.give(*sun(DELIVERY, 8_000))
    api.give(*settlement.published(IntervalSettled), *settlement.published(CertificatesSettled))
    with api.client("operator") as operator:
        for _ in range(3):
            operator.post("/api/v1/market/resume")
    api.run()
    settlement.give(*api.published(DeedRecorded))
    settlement.close()
    api.close()
    return tmp_path


def verify(folder: Path) -> tuple[int, dict[str, Any]]:
    ran = CliRunner().invoke(app_with("audit"), ["audit", "verify", "--folder", str(folder)])
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran.exit_code, json.loads(ran.stdout)


def tamper(folder: Path, service: str, *statements: str) -> None:
    """Do what the database would refuse, as someone could who has the file."""
    with closing(sqlite3.connect(folder / "data" / f"{service}.db")) as db, db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            db.execute(statement)


def ledger_flaws(folder: Path) -> list[tuple[str, int | None, str | None]]:
    code, answer = verify(folder)
    flaws = answer["complexes"][COMPLEX_ID]["ledger"]["flaws"]
    assert (code, answer["sound"]) == ((1, False) if flaws else (0, True))
    return [(flaw["kind"], flaw.get("number"), flaw.get("entry_id")) for flaw in flaws]


TRADE = f"trade:{an_auction(DELIVERY).auction_id}:1"


def test_sound_books_are_said_to_be_so(folder: Path) -> None:
    code, answer = verify(folder)

    assert (code, answer["sound"]) == (0, True)
    # A trade and two imbalances; settlement has published the third as its last.
    assert answer["complexes"] == {
        COMPLEX_ID: {
            "ledger": {"links": 3, "published_links": 1, "sum_krw": 0, "flaws": []},
            # Certified once, and again when the roofs were corrected.
            "certificates": {"links": 2, "published_links": 2, "flaws": []},
            "operator_actions": {"links": 3, "flaws": []},
        }
    }


def test_a_changed_amount_is_named_by_its_entry(folder: Path) -> None:
    tamper(folder, "settlement", f"UPDATE ledger_line SET debit_krw = 1 WHERE entry_id = '{TRADE}' AND debit_krw > 0")

    assert ledger_flaws(folder) == [("changed", 1, TRADE), ("unbalanced", None, TRADE)]


def test_a_missing_link_and_its_entry_are_named(folder: Path) -> None:
    tamper(folder, "settlement", f"DELETE FROM ledger_link WHERE entry_id = '{TRADE}'")

    assert ledger_flaws(folder) == [("missing", 1, None), ("unlinked", None, TRADE)]


def test_links_that_changed_places_are_named(folder: Path) -> None:
    moves = [f"UPDATE ledger_link SET number = {new} WHERE number = {old}" for old, new in ((1, 9), (2, 1), (9, 2))]
    tamper(folder, "settlement", *moves)

    assert [flaw[:2] for flaw in ledger_flaws(folder)] == [("reordered", 2), ("reordered", 1)]


def test_an_end_that_was_cut_off_shows_as_it_was_published(folder: Path) -> None:
    last = "(SELECT entry_id FROM ledger_link WHERE number = 3)"
    tamper(
        folder,
        "settlement",
        f"DELETE FROM ledger_line WHERE entry_id = {last}",
        f"DELETE FROM ledger_entry WHERE entry_id = {last}",
        "DELETE FROM ledger_link WHERE number = 3",
    )

    assert ledger_flaws(folder) == [("missing", 3, None)]


@pytest.mark.parametrize(
    ("statement", "flaws"),
    [
        ("UPDATE certificate_slice SET account_id = 'thief' WHERE revision = 1", [("changed", 2)]),
        ("UPDATE certificate_line SET claimed_wh = claimed_wh + 1 WHERE revision = 0", [("changed", 1)]),
        ("DELETE FROM storage_record", [("changed", 1)]),
        ("DELETE FROM certification WHERE number = 1", [("missing", 1), ("added", 0)]),
        ("UPDATE certificate_bundle SET revision = 7 WHERE device_id = 'hanbit-roof'", [("changed", 1), ("added", 0)]),
    ],
)
def test_changed_certificates_are_named_by_their_certification(
    folder: Path, statement: str, flaws: list[tuple[str, int]]
) -> None:
    tamper(folder, "settlement", statement)

    code, answer = verify(folder)

    found = answer["complexes"][COMPLEX_ID]["certificates"]["flaws"]
    assert (code, answer["sound"]) == (1, False)
    assert sorted({(flaw["kind"], flaw["number"]) for flaw in found}) == sorted(flaws)
    assert all(flaw["delivery_start"] == DELIVERY.isoformat() for flaw in found if flaw["kind"] == "changed")


def test_certificates_whose_end_was_cut_off_or_made_anew_show_as_they_were_published(folder: Path) -> None:
    covered = ("bundle", "slice", "line")
    tables = ("certification", "storage_record", "storage_draw", *(f"certificate_{name}" for name in covered))
    tamper(folder, "settlement", *(f"DELETE FROM {table} WHERE revision = 1" for table in tables))

    code, answer = verify(folder)

    [flaw] = answer["complexes"][COMPLEX_ID]["certificates"]["flaws"]
    assert (code, flaw["kind"], flaw["number"]) == (1, "missing", 2)

    tamper(folder, "trading_api", "UPDATE certification_link SET hash = 'another' WHERE number = 1")
    flaws = verify(folder)[1]["complexes"][COMPLEX_ID]["certificates"]["flaws"]
    assert [(one["kind"], one["number"]) for one in flaws] == [("changed", 1), ("missing", 2)]


def test_a_changed_deed_of_an_operator_is_named(folder: Path) -> None:
    tamper(folder, "trading_api", "UPDATE audit SET who = 'someone else' WHERE number = 2")

    code, answer = verify(folder)

    [flaw] = answer["complexes"][COMPLEX_ID]["operator_actions"]["flaws"]
    assert (code, flaw["number"], flaw["kind"]) == (1, 2, "changed")


def test_a_folder_without_databases_is_bad_input(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app_with("audit"), ["audit", "verify", "--folder", str(tmp_path / "none")])

    assert "--folder must be a deployment's folder" in str(ran.exception)


def test_operators_chain_that_lost_its_end_with_its_head_shows_as_it_was_published(folder: Path) -> None:
    tamper(
        folder,
        "trading_api",
        "DELETE FROM audit WHERE number = 3",
        "UPDATE log_head SET last_number = 2, last_hash = (SELECT hash FROM audit WHERE number = 2) "
        "WHERE log = 'audit'",
    )

    code, answer = verify(folder)

    [flaw] = answer["complexes"][COMPLEX_ID]["operator_actions"]["flaws"]
    assert (code, flaw["kind"], flaw["number"]) == (1, "missing", 3)


def test_operators_chain_that_is_gone_shows_as_it_was_published(folder: Path) -> None:
    tamper(folder, "trading_api", "DELETE FROM audit", "DELETE FROM log_head WHERE log = 'audit'")

    code, answer = verify(folder)

    flaws = answer["complexes"][COMPLEX_ID]["operator_actions"]["flaws"]
    assert (code, [flaw["kind"] for flaw in flaws], [flaw["number"] for flaw in flaws]) == (
        1,
        ["missing"] * 3,
        [1, 2, 3],
    )
