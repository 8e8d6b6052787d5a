from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.complex.complexes import load_complexes
from shared.complex.model import Address, load_complex
from shared.errors import BadInput, BadInputs
from shared.events.fems import MeterKind
from shared.paths import DEMO_COMPLEX


def a_file(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Write the demo complex with one thing changed."""
    content = yaml.safe_load(DEMO_COMPLEX.read_text(encoding="utf-8"))
    change(content)
    path = folder / "complex.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def put(*path: str | int, new: object) -> Callable[[dict[str, Any]], object]:
    """Return a change that sets one value."""

    def change(content: Any) -> None:
        for step in path[:-1]:
            content = content[step]
        content[path[-1]] = new

    return change


def test_the_demo_complex_is_read_with_its_devices_in_file_order() -> None:
    demo = load_complex(DEMO_COMPLEX)

    assert len(demo.participants) == 12
    assert [(one.device_id, one.kind, one.unit_id) for one in demo.devices[:4]] == [
        ("hanbit-machining.grid", MeterKind.GRID, 1),
        ("hanbit-roof", MeterKind.PV, 2),
        ("hanbit-ess", MeterKind.ESS, 3),
        ("daesung-casting.grid", MeterKind.GRID, 4),
    ]
    assert demo.by_participant["hanbit-machining"].feeder_id == "F1"
    # 1.50 KRW are 150 jeon; at most 2,000 kWh an order are 2,000,000 Wh; at most 500 KRW are 50,000 jeon.
    assert demo.feeders[0].wheeling_fee_jeon_per_kwh == 150
    assert demo.market.order_quantity_wh_max == 2_000_000
    assert demo.market.price_jeon_per_kwh_max == 50_000


PARTICIPANT = ("participants", 0)
ESS = (*PARTICIPANT, "ess", 0)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (put(*ESS, "capacity_kwh", new=-5), "$.participants[0].ess[0].capacity_kwh * greater than 0, was -5"),
        (put(*ESS, "soc_max", new=1.2), "$.participants[0].ess[0].soc_max * less than or equal to 1, was 1.2"),
        (put(*ESS, "soc_max", new=0.95), "$.participants[0].ess[0] soc_max must be at most 0.9 outdoors"),
        (put(*ESS, "placement", new="indoor"), "$.participants[0].ess[0] soc_max must be at most 0.8 indoors"),
        (put(*ESS, "soc_initial", new=0.05), "$.participants[0].ess[0] must have soc_min <= soc_initial <= soc_max"),
        (put(*ESS, "charge_efficiency", new=0), "$.participants[0].ess[0].charge_efficiency * greater than 0, was 0"),
        (put(*ESS, "capacity_kwh", new=float("nan")), "$.participants[0].ess[0].capacity_kwh * was nan"),
        (put(*ESS, "capacity_kw", new=5), "$.participants[0].ess[0].capacity_kw * was 5"),
        (put(*PARTICIPANT, "participant_id", new="한빛"), "$.participants[0].participant_id * was '한빛'"),
        (
            put(*PARTICIPANT, "feeder_id", new="F9"),
            "$ participant hanbit-machining: feeder_id must be one of ['F1', 'F2',",
        ),
        (put(*PARTICIPANT, "bidding", "mode", new="maybe"), "$.participants[0].bidding.mode must be 'automatic' or"),
        (put(*PARTICIPANT, "load", "shift_minutes", new=7), "$.participants[0].load.shift_minutes * multiple of 15"),
        (
            put(*PARTICIPANT, "load", "shift_minutes", new=15),
            "$.participants[0].load shift_minutes must go with a profile",
        ),
        (
            put(*PARTICIPANT, "load", "profile", new="works"),
            "$.participants[0].load must have a plant or a profile, not",
        ),
        (
            put(*PARTICIPANT, "load", "plant", new=None),
            "$.participants[0].load must have a plant or a profile, not both",
        ),
        (
            put("participants", 1, "participant_id", new="hanbit-machining"),
            "$ participants: id hanbit-machining must occur",
        ),
        (put("participants", 2, "pv", 0, "site_id", new="hanbit-ess"), "$ devices: id hanbit-ess must occur once"),
        (put("feeders", 1, "feeder_id", new="F1"), "$ feeders: id F1 must occur once"),
        (put("feeders", 0, "meter", new={"meter_id": "hanbit-ess"}), "$ devices: id hanbit-ess must occur once"),
        (
            put("feeders", 0, new={"feeder_id": "hanbit-machining", "meter": {"meter_id": "head"}}),
            "$ participants: id hanbit-machining must occur once",
        ),
        (
            put("feeders", 0, "wheeling_fee_krw_per_kwh", new=1.555),
            "$.feeders[0].wheeling_fee_krw_per_kwh must have at most 2",
        ),
        (put("feeders", 0, "import_limit_kw", new=-1), "$.feeders[0].import_limit_kw * greater than 0, was -1"),
        (put("feeders", new=[]), "$.feeders "),
        (put("market", "gate_closure_lead_minutes", new=0), "$.market.gate_closure_lead_minutes * was 0"),
        (put("location", "latitude", new=91), "$.location.latitude * less than or equal to 90, was 91"),
        (put("field_network", "port", new=0), "$.field_network.port * was 0"),
        (lambda content: content.pop("sell_back"), "$.sell_back "),
        (
            put("feeders", 0, "loss_fraction", new=1.99),
            "$.feeders[0].loss_fraction * less than or equal to 0.5, was 1.99",
        ),
        (
            put("imbalance", new=[{"from": "2026-01-01", "reference": "smp"}]),
            "$.imbalance[0].reference must be 'grid' or 'auction'",
        ),
        (
            put("imbalance", new=[{"from": "2026-01-01", "short_markup": -0.1}]),
            "$.imbalance[0].short_markup * greater than or equal to 0",
        ),
        (
            put("imbalance", new=[{"from": "2026-07-01"}, {"from": "2026-01-01"}]),
            "$ imbalance: rules must be in order of `from`, 2026-01-01 follows 2026-07-01",
        ),
    ],
)
def test_a_broken_rule_is_named_with_its_path_and_value(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], problem: str
) -> None:
    path = a_file(tmp_path, change)

    with pytest.raises(BadInputs) as caught:
        load_complex(path)

    # `*` stands for the words between a field and what matters of its rule.
    [message] = [str(one) for one in caught.value.problems]
    assert message.startswith(f"{path}: {problem.split(' * ', maxsplit=1)[0]}")
    assert problem.rsplit(" * ", maxsplit=1)[-1] in message


def test_every_broken_rule_is_named_at_once(tmp_path: Path) -> None:
    def two(content: dict[str, Any]) -> None:
        put(*ESS, "capacity_kwh", new=-5)(content)
        put("location", "latitude", new=91)(content)

    with pytest.raises(BadInputs) as caught:
        load_complex(a_file(tmp_path, two))

    assert [one.field for one in caught.value.problems] == [
        "$.location.latitude",
        "$.participants[0].ess[0].capacity_kwh",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "complex file must be YAML"),
        (b"\xff\xfe\xff", "complex file must be YAML"),
        (b"", r"\$ must be .*, was None"),
        (b"[1, 2]", r"\$ must be .*, was \[1, 2\]"),
        (b"!!python/object/apply:os.getcwd []", "complex file must be YAML"),
    ],
)
def test_what_is_no_mapping_in_yaml_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "complex.yaml"
    path.write_bytes(content)

    with pytest.raises((BadInput, BadInputs), match=rf"complex.yaml: {problem}"):
        load_complex(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere.yaml: complex file must be readable, was 'No such file"):
        load_complex(tmp_path / "nowhere.yaml")


def test_a_deployment_names_each_complex_once_and_at_least_one() -> None:
    with pytest.raises(BadInput, match=r"\$.complex_id must be unique in the deployment, was 'changwon-demo'"):
        load_complexes([DEMO_COMPLEX, DEMO_COMPLEX])
    with pytest.raises(BadInput, match=r"SANDAN_COMPLEXES must name a complex file"):
        load_complexes([])


def test_a_second_complex_is_another_file(tmp_path: Path) -> None:
    second = a_file(tmp_path, put("complex_id", new="banwol-demo"))

    assert list(load_complexes([DEMO_COMPLEX, second])) == ["changwon-demo", "banwol-demo"]


def test_device_may_have_an_address_of_its_own(tmp_path: Path) -> None:
    own = {"hanbit-roof": {"port": 15_600, "unit_id": 1}}

    found = {
        one.device_id: one for one in load_complex(a_file(tmp_path, put("field_network", "devices", new=own))).devices
    }

    assert (found["hanbit-roof"].address, found["hanbit-roof"].unit_id) == (Address("127.0.0.1", 15_600), 1)
    # Its place in the file goes on counting for the others.
    assert (found["hanbit-ess"].address, found["hanbit-ess"].unit_id) == (Address("127.0.0.1", 15_502), 3)


@pytest.mark.parametrize(
    ("own", "rule"),
    [
        ({"nobody": {"port": 1}}, "must name devices of the complex, not 'nobody'"),
        ({"hanbit-roof": {"unit_id": 3}}, "id 127.0.0.1:15502 unit 3 must occur once"),
        ({"hanbit-roof": {"unit_id": 248}}, "unit_id"),
    ],
)
def test_address_that_is_nobodys_or_taken_is_refused(tmp_path: Path, own: dict[str, Any], rule: str) -> None:
    with pytest.raises(BadInputs, match=rule):
        load_complex(a_file(tmp_path, put("field_network", "devices", new=own)))


def test_more_devices_than_an_address_has_units_for_are_refused_by_name(tmp_path: Path) -> None:
    def crowd(content: dict[str, Any]) -> None:
        plain = {name: part for name, part in content["participants"][1].items() if name not in {"pv", "ess"}}
        content["participants"] = [{**plain, "participant_id": f"f{n}"} for n in range(1, 250)]
        content["field_network"].pop("devices", None)

    with pytest.raises((BadInput, BadInputs), match=r"f248\.grid would be unit 248, an address has 247") as refused:
        load_complex(a_file(tmp_path, crowd))
    assert "port" in str(refused.value)


@pytest.mark.parametrize(("name", "limit"), [("participants", 1_400), ("feeders", 100)])
def test_a_complex_whose_events_would_not_fit_into_a_message_is_refused_when_it_is_read(
    tmp_path: Path, name: str, limit: int
) -> None:
    def repeat(content: dict[str, Any]) -> None:
        content[name] = [content[name][0]] * (limit + 1)

    with pytest.raises(BadInputs) as refused:
        load_complex(a_file(tmp_path, repeat))

    [problem] = refused.value.problems
    assert f"$.{name}" in str(problem)
    assert f"at most {limit} items" in str(problem)
    assert len(str(problem)) < 400
