"""`sandan clear` as a person meets it: files in, JSON and files out, and one clear line for each thing wrong."""

import csv
import json
import os
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from cli.main import main

HEADER = "order_id,participant,side,price_krw_per_kwh,quantity_kwh,feeder\n"
FEEDERS = "feeder,import_limit_kwh,export_limit_kwh,wheeling_fee_krw_per_kwh\nF1,60,,1\nF2,,0.5,0\n"


class Sandan:
    """The command line in a folder of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.chdir(folder)

    def file(self, name: str, text: str | bytes) -> str:
        """Write a file, byte for byte."""
        (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a verb and return (exit code, stdout, stderr)."""
        self._monkeypatch.setattr(sys, "argv", ["sandan", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = self._capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err


@pytest.fixture
def sandan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sandan:
    return Sandan(tmp_path, monkeypatch, capsys)


def test_auction_without_network_answers_in_json(sandan: Sandan) -> None:
    # 2.5 kWh of the bid at 130.25 meet the ask at 120: midpoint 125.125, half up 125.13.
    # Welfare 2.5 x 10.25 = 25.625. Payment 2.5 x 125.13 = 312.825: 313 (down 312 and -313, one won missing).
    orders = sandan.file("orders.csv", HEADER + "a,A,buy,130.25,2.5,F9\nb,B,sell,120,2.500,\nc,C,sell,131,1,\n")

    code, out, err = sandan.run("clear", orders, "--fills", "fills.csv")

    answer = json.loads(out, parse_float=Decimal)
    seconds = answer.pop("seconds")
    assert (code, err, seconds > 0) == (0, "", True)
    assert answer == {
        "price_krw_per_kwh": Decimal("125.13"),
        "price_low_krw_per_kwh": 120,
        "price_high_krw_per_kwh": Decimal("130.25"),
        "volume_kwh": Decimal("2.5"),
        "welfare_krw": Decimal("25.625"),
        "fees_krw": 0,
        "wheeling_krw": 0,
        "orders": 3,
        "feeders": {},
    }
    fills = (sandan.folder / "fills.csv").read_text()
    assert fills == "order_id,filled_kwh,payment_krw\na,2.500,313\nb,2.500,-313\nc,0.000,0\n"


def test_auction_on_feeders_answers_with_their_prices(sandan: Sandan) -> None:
    # F1 imports 60 of the 100 kWh that it bids 200 for; the hub's ask at 100 is partly served.
    # Payments 60 x 200 - 60 x 100 = 6,000; wheeling 60 x 1.
    orders = sandan.file("orders.csv", HEADER + "a,A,buy,200,100,F1\nb,B,sell,100,100,\n")
    feeders = sandan.file("feeders.csv", FEEDERS)

    code, out, _ = sandan.run("clear", orders, "--feeders", feeders, "--pretty")

    answer = json.loads(out)
    assert code == 0
    assert (answer["price_krw_per_kwh"], answer["fees_krw"], answer["wheeling_krw"]) == (100, 6_000, 60)
    assert answer["feeders"] == {
        "F1": {"price_krw_per_kwh": 200, "net_import_kwh": 60, "binding": True},
        "F2": {"price_krw_per_kwh": 100, "net_import_kwh": 0, "binding": False},
    }
    assert out.startswith('{\n  "price_krw_per_kwh": 100,\n')


def test_no_trade_has_null_prices(sandan: Sandan) -> None:
    code, out, _ = sandan.run("clear", sandan.file("orders.csv", HEADER))

    answer = json.loads(out)
    assert code == 0
    assert answer["price_krw_per_kwh"] is answer["price_low_krw_per_kwh"] is answer["price_high_krw_per_kwh"] is None
    assert answer["volume_kwh"] == answer["orders"] == 0


def test_huge_numbers_keep_every_digit(sandan: Sandan) -> None:
    # (10^12 - 0.001) kWh x (0.02 - -0.01) KRW = 30,000,000,000 - 0.00003.
    rows = "a,A,buy,0.02,1000000000000,\nb,B,sell,-0.01,999999999999.999,\n"

    _, out, _ = sandan.run("clear", sandan.file("orders.csv", HEADER + rows))

    assert '"volume_kwh": 999999999999.999' in out
    assert '"welfare_krw": 29999999999.99997' in out


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbforder_id,participant,side,price_krw_per_kwh,quantity_kwh\r\na,A,buy,2,1\r\nb,B,sell,2,1\r\n",
        b'order_id,participant,side,price_krw_per_kwh,quantity_kwh\n"a","A, Ltd.",buy,2,1\n\nb,B,sell,2,1\n\n',
        b"order_id, participant, side, price_krw_per_kwh, quantity_kwh\na, A, buy, 2, 1\nb, B, sell, +2., 1e0\n",
        b"order_id ,participant ,side\t,price_krw_per_kwh ,quantity_kwh \na ,A ,buy ,2 ,1 \nb,B,sell\t,2,1\n  \n",
        b"side,quantity_kwh,price_krw_per_kwh,participant,order_id\nbuy,1,2,A,a\nsell,1,2,B,b",
    ],
    ids=["BOM and CRLF", "quoted, blank lines", "padded", "padded behind", "other column order, no last newline"],
)
def test_files_as_people_write_them_are_fine(sandan: Sandan, text: bytes) -> None:
    code, out, err = sandan.run("clear", sandan.file("orders.csv", text))

    answer = json.loads(out)
    assert (code, err) == (0, "")
    assert (answer["price_krw_per_kwh"], answer["volume_kwh"], answer["orders"]) == (2, 1, 2)


@pytest.mark.parametrize(
    ("row", "field", "rule", "value"),
    [
        ("a,A,buy,130.255,1,", "price_krw_per_kwh", "must have at most 2 decimals", "'130.255'"),
        ("a,A,buy,130.251,1,", "price_krw_per_kwh", "must have at most 2 decimals", "'130.251'"),
        ("a,A,buy,NaN,1,", "price_krw_per_kwh", "must be a decimal number", "'NaN'"),
        ("a,A,buy,-inf,1,", "price_krw_per_kwh", "must be a decimal number", "'-inf'"),
        ("a,A,buy,,1,", "price_krw_per_kwh", "must be a decimal number", "''"),
        ("a,A,buy,1_0,1,", "price_krw_per_kwh", "must be a decimal number", "'1_0'"),
        ("a,A,buy,\uff11,1,", "price_krw_per_kwh", "must be a decimal number", "'\uff11'"),
        ("a,A,buy,1e400,1,", "price_krw_per_kwh", "must be within", "'1e400'"),
        ("a,A,buy,1e9999,1,", "price_krw_per_kwh", "must be within", "'1e9999'"),
        ("a,A,buy,1,0,", "quantity_kwh", "must be > 0", "'0'"),
        ("a,A,buy,1,-1,", "quantity_kwh", "must be > 0", "'-1'"),
        ("a,A,buy,1,1.0001,", "quantity_kwh", "must have at most 3 decimals", "'1.0001'"),
        ("a,A,buy,1,1000000000000.001,", "quantity_kwh", "must be > 0 and <= 1000000000000 kWh", "'1000000000000.001'"),
        ("a,A,bid,1,1,", "side", "must be buy or sell", "'bid'"),
        ("a,A,buy,1,1,F9", "feeder", "must be a feeder of the feeder file", "'F9'"),
        ("z,A,buy,1,1,", "order_id", "must be unique (row 1 has it too)", "'z'"),
        ("z ,A,buy,1,1,", "order_id", "must be unique (row 1 has it too)", "'z'"),
        (",A,buy,1,1,", "order_id", "must not be blank", "''"),
        ("a,,buy,1,1,", "participant", "must not be blank", "''"),
        ("a,A,buy,1", "quantity_kwh", "must be there: a row has 6 fields, this one 4", "'a,A,buy,1'"),
        ("a,A,buy,1,1,,", "row", "must have 6 fields", "'a,A,buy,1,1,,'"),
    ],
)
def test_broken_row_is_named_and_nothing_is_written(
    sandan: Sandan, row: str, field: str, rule: str, value: str
) -> None:
    orders = sandan.file("orders.csv", HEADER + "z,Z,sell,1,1,F1\n" + row + "\n")
    feeders = sandan.file("feeders.csv", FEEDERS)

    code, out, err = sandan.run("clear", orders, "--feeders", feeders, "--fills", "f.csv", "--certificate", "c.json")

    assert (code, out) == (2, "")
    assert err.startswith(f"orders.csv row 2 (line 3): {field} {rule}")
    assert err.endswith(f", was {value}\n")
    assert sorted(path.name for path in sandan.folder.iterdir()) == ["feeders.csv", "orders.csv"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "line 1: header must be order_id,"),
        (b"\n\n", "line 1: header must be order_id,"),
        (b"a,A,buy,1,1\n", "line 1: header must be order_id,"),
        (b"order_id,participant,side,price_krw_per_kwh\n", "quantity_kwh is missing"),
        (b"order_id,participant,side,price_krw_per_kwh,quantity_kwh,feedr\n", "line 1: header must be order_id,"),
        (b"order_id,participant,side,price_krw_per_kwh,quantity_kwh,side\n", "line 1: header must be order_id,"),
        (HEADER.encode() + b"a,A\0,buy,1,1,\n", "line 2: row must be text"),
        (HEADER.encode() + b'a,"A,buy,1,1,\n', "row must be CSV"),
        (HEADER.encode() + b"a,\xff,buy,1,1,\n", "file must be UTF-8 text"),
    ],
)
def test_file_that_is_no_order_file_is_named(sandan: Sandan, text: bytes, said: str) -> None:
    code, out, err = sandan.run("clear", sandan.file("orders.csv", text), "--fills", "fills.csv")

    assert (code, out) == (2, "")
    assert err.startswith("orders.csv")
    assert said in err
    assert not (sandan.folder / "fills.csv").exists()


def test_missing_file_is_named(sandan: Sandan) -> None:
    code, _, err = sandan.run("clear", "nowhere.csv")

    assert (code, err) == (2, "nowhere.csv: file must exist, was 'no such file'\n")


def test_problems_come_by_row_and_only_the_first_twenty(sandan: Sandan) -> None:
    rows = "".join(f"o{number},A,hold,1.234,1,\n" for number in range(30))

    _, _, err = sandan.run("clear", sandan.file("orders.csv", HEADER + rows))

    lines = err.splitlines()
    assert len(lines) == 20
    assert [line.split(" (")[0] for line in lines[:3]] == ["orders.csv row 1", "orders.csv row 1", "orders.csv row 2"]


@pytest.mark.parametrize(
    ("row", "field", "rule"),
    [
        ("F3,-1,,0", "import_limit_kwh", "must be >= 0"),
        ("F3,,1.0001,0", "export_limit_kwh", "must have at most 3 decimals"),
        ("F3,,,-0.01", "wheeling_fee_krw_per_kwh", "must be >= 0"),
        ("F3,,,", "wheeling_fee_krw_per_kwh", "must be a decimal number"),
        ("F1,,,1", "feeder", "must be unique (row 1 has it too)"),
        (",,,1", "feeder", "must not be blank"),
    ],
)
def test_broken_feeder_is_named(sandan: Sandan, row: str, field: str, rule: str) -> None:
    feeders = sandan.file("feeders.csv", FEEDERS + row + "\n")

    code, _, err = sandan.run("clear", sandan.file("orders.csv", HEADER), "--feeders", feeders)

    assert code == 2
    assert err.startswith(f"feeders.csv row 3 (line 4): {field} {rule}")


def test_certificate_is_the_same_bytes_each_time(sandan: Sandan) -> None:
    orders = sandan.file("orders.csv", HEADER + "a,A,buy,200,100,F1\nb,B,sell,100,100,\n")
    feeders = sandan.file("feeders.csv", FEEDERS)

    for name in ("one.json", "two.json"):
        assert sandan.run("clear", orders, "--feeders", feeders, "--certificate", name)[0] == 0

    first, second = ((sandan.folder / name).read_bytes() for name in ("one.json", "two.json"))
    assert first == second
    proof = json.loads(first)
    assert (proof["volume_wh"], proof["binding_limits"]) == (60_000, [{"feeder_id": "F1", "limit": "import"}])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--fills", "same", "--certificate", "./same"), "--certificate must be another file"),
        (("--fills", "orders.csv"), "--fills must be another file"),
        (("--feeders", "feeders.csv", "--certificate", "feeders.csv"), "--certificate must be another file"),
        (("--fills", "folder"), "folder: file must be a file, was 'a folder'"),
    ],
    ids=["another option's", "the orders", "the feeders", "a folder"],
)
def test_file_that_is_in_use_is_not_written_over(sandan: Sandan, options: tuple[str, ...], said: str) -> None:
    orders, feeders = sandan.file("orders.csv", HEADER), sandan.file("feeders.csv", FEEDERS)
    (sandan.folder / "folder").mkdir()

    code, out, err = sandan.run("clear", orders, *options)

    assert (code, out) == (2, "")
    assert said in err
    assert (sandan.folder / orders).read_text() == HEADER
    assert (sandan.folder / feeders).read_text() == FEEDERS


def test_pipe_is_written_to_and_stays_a_pipe(sandan: Sandan) -> None:
    pipe = sandan.folder / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    code, _, err = sandan.run("clear", sandan.file("orders.csv", HEADER), "--fills", "pipe")

    assert (code, err) == (0, "")
    assert os.read(reader, 100) == b"order_id,filled_kwh,payment_krw\n"
    assert pipe.is_fifo()
    os.close(reader)


def test_folder_that_is_not_there_is_named_and_the_other_file_not_written(sandan: Sandan) -> None:
    orders = sandan.file("orders.csv", HEADER)

    code, out, err = sandan.run("clear", orders, "--fills", "fills.csv", "--certificate", "nowhere/c.json")

    assert (code, out) == (2, "")
    assert "nowhere/c.json: file must be in a folder" in err
    assert [path.name for path in sandan.folder.iterdir()] == ["orders.csv"]


def test_names_that_need_quotes_come_back_as_they_were(sandan: Sandan) -> None:
    orders = sandan.file("orders.csv", HEADER + '"a, ""1""",A,buy,2,1,\n주문,B,sell,2,1,\n')

    sandan.run("clear", orders, "--fills", "fills.csv")

    with (sandan.folder / "fills.csv").open(encoding="utf-8", newline="") as file:
        assert [row["order_id"] for row in csv.DictReader(file)] == ['a, "1"', "주문"]


@pytest.mark.parametrize("order_id", ["=1+2", "@SUM(A1)", "+A1", "-A1", "=HYPERLINK(A1)", '"a\nb"', "a\u202eb"])
def test_an_order_id_that_a_spreadsheet_would_compute_is_refused(sandan: Sandan, order_id: str) -> None:
    orders = sandan.file("orders.csv", HEADER + f"{order_id},A,buy,130.25,2.5,\n")

    code, out, err = sandan.run("clear", orders, "--fills", "fills.csv")

    assert (code, out) == (2, "")
    assert "order_id must be one line that does not begin with =" in err
    assert not (sandan.folder / "fills.csv").exists()


def test_an_order_id_may_be_any_number(sandan: Sandan) -> None:
    orders = sandan.file("orders.csv", HEADER + "-1,A,buy,130.25,2.5,\n+2,A,buy,130.25,2.5,\n007,A,buy,1,1,\n")

    assert sandan.run("clear", orders)[0] == 0


def test_feeders_without_a_feeder_column_are_refused(sandan: Sandan) -> None:
    # Without it every order would stand at the hub, and no limit would bind.
    orders = sandan.file("orders.csv", HEADER.replace(",feeder", "") + "a,A,buy,200,100\nb,B,sell,100,100\n")
    feeders = sandan.file("feeders.csv", FEEDERS)

    code, out, err = sandan.run("clear", orders, "--feeders", feeders)

    assert (code, out) == (2, "")
    assert "orders.csv line 1" in err
    assert "feeder is missing" in err
    assert sandan.run("clear", orders)[0] == 0
