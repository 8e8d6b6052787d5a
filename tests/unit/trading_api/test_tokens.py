from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.trading_api.access.claims import Claims, Trust, broken_rule
from services.trading_api.roles import Role

# 1,780,000,000 s after 1970.
NOW = datetime(2026, 5, 28, 20, 26, 40, tzinfo=UTC)
NOW_S = 1_780_000_000
TRUST = Trust(issuer="https://login.example", audience="sandan")


def claims(**changes: Any) -> Claims:
    usual = {
        "iss": "https://login.example",
        "aud": "sandan",
        "sub": "kim",
        "jti": "1",
        "iat": NOW_S,
        "exp": NOW_S + 600,
        "complex_id": "c",
        "role": "operator",
    }
    return Claims.model_validate({**usual, **changes})


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"exp": NOW_S + 1}, None),
        ({"exp": NOW_S}, "exp must lie ahead"),
        ({"exp": Decimal("1780000000.001")}, None),
        ({"nbf": NOW_S + 60}, None),
        ({"nbf": NOW_S + 61}, "nbf must not lie ahead"),
        ({"nbf": Decimal("1780000060.5")}, "nbf must not lie ahead"),
        ({"iat": NOW_S + 60}, None),
        ({"iat": NOW_S + 61}, "iat must not lie ahead"),
        # A day has 86,400 seconds.
        ({"exp": NOW_S + 86_400}, None),
        ({"exp": NOW_S + 86_401}, "exp must follow iat within 24 h"),
        ({"iat": 0}, "exp must follow iat within 24 h"),
        ({"exp": 10**39}, "exp must follow iat within 24 h"),
        ({"aud": ["account", "sandan"]}, None),
        ({"aud": ["account"]}, "aud must name this API"),
        ({"aud": "sandan-test"}, "aud must name this API"),
        ({"iss": "https://login.example/"}, "iss must be the trusted issuer"),
        ({"participant_id": "p"}, "participant_id belongs to the role factory, and to no other"),
        ({"role": "factory"}, "participant_id belongs to the role factory, and to no other"),
        ({"role": "factory", "participant_id": "p"}, None),
        ({"role": "planner", "participant_id": None}, None),
    ],
)
def test_a_token_is_good_up_to_its_limits(changes: dict[str, Any], rule: str | None) -> None:
    assert broken_rule(claims(**changes), TRUST, now=NOW) == rule


def test_a_subject_is_the_same_caller_with_every_token() -> None:
    one, other = (claims(jti=jti, role="factory", participant_id="p").principal for jti in ("1", "2"))

    assert one == other
    assert (one.key_id, one.name, one.role, one.participant_id) == ("jwt:kim", "kim", Role.FACTORY, "p")
