import pytest

from cli.devices import parse_address, parse_units, scan
from shared.errors import BadInput


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("10.0.0.7:502", "10.0.0.7", 502), ("[::1]:1502", "::1", 1502), ("meter-3:1", "meter-3", 1)],
)
def test_address_is_host_and_port(text: str, host: str, port: int) -> None:
    assert parse_address(text) == (host, port)


@pytest.mark.parametrize("text", ["", "10.0.0.7", ":502", "h:0", "h:65536", "h:-1", "h:5 2", "h:0x10"])
def test_other_addresses_are_refused_by_their_rule(text: str) -> None:
    with pytest.raises(BadInput, match=r"command line: HOST:PORT must be host:port, port 1 to 65535, was "):
        parse_address(text)


def test_units_are_numbers_and_ranges_each_asked_once_in_order() -> None:
    assert parse_units("5,1-3,2") == [1, 2, 3, 5]


@pytest.mark.parametrize("text", ["", "0", "248", "3-1", "1-", "a", "1;2", "1-999"])
def test_other_units_are_refused_by_their_rule(text: str) -> None:
    with pytest.raises(BadInput, match=r"--units must be numbers and ranges from 1 to 247"):
        parse_units(text)


def test_address_where_nothing_listens_is_bad_input() -> None:
    # Port 1 of this machine: reserved, and served by nobody.
    with pytest.raises(BadInput, match=r"HOST:PORT must be an address where a Modbus TCP device listens, was '127"):
        scan("127.0.0.1:1", units="1", wait_s=1.0)
