import re

import pytest

from optimizers.ess.reasons import Reason
from services.trading_api.orders.domain import OrderStatus
from shared.paths import ROOT

WORDS = (ROOT / "services/trading_api/console/static/words.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", [*Reason, *OrderStatus])
def test_every_code_on_the_console_has_a_word_in_both_languages(code: str) -> None:
    assert len(re.findall(rf"\b{code}: \"[^\"]+\"", WORDS)) == 2
