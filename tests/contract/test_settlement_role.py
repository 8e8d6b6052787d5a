"""On PostgreSQL settlement works under a role that can only add to the books."""

from contextlib import closing

import pytest
import sqlalchemy as sa

from services.settlement.store.audit import ledger_flaws
from services.settlement.store.certificate_tables import APPEND_ONLY
from shared.db.engine import open_engine, reading, service_url
from shared.events.settlement import CertificatesSettled, IntervalResettled, IntervalSettled
from shared.paths import INFRA
from tests.component.settlement.settlement_facts import (
    BUYER,
    COMPLEX_ID,
    DELIVERY,
    FLOWS_WH,
    a_bench,
    an_auction,
    readings,
    sun,
)

ROLE = INFRA / "postgres" / "settlement_role.sql"
TRIGGERS = (
    "SELECT tgname, relname FROM pg_trigger JOIN pg_class ON pg_trigger.tgrelid = pg_class.oid WHERE NOT tgisinternal"
)
BOOKS = (
    *("ledger_entry", "ledger_line", "ledger_link", "settled_line", "settled_interval", "invoice", "trade"),
    *(table.name for table in APPEND_ONLY),
)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_settlement_settles_and_corrects_as_a_role_that_can_not_change_the_books(database_url: str) -> None:
    with closing(a_bench(database_url)) as bench:
        with bench.engine.begin() as owner:
            for trigger, table in owner.execute(sa.text(TRIGGERS)).all():
                owner.exec_driver_sql(f"DROP TRIGGER {trigger} ON {table}")
            owner.exec_driver_sql(ROLE.read_text(encoding="utf-8"))
        bench.engine.dispose()
        as_role = sa.make_url(database_url).update_query_dict({"options": "-crole=sandan_settlement"})
        bench.engine = open_engine(service_url(as_role.render_as_string(hide_password=False), "settlement"))
        bench.restart()

        bench.give(an_auction(DELIVERY), *readings(DELIVERY, FLOWS_WH))
        bench.give(*readings(DELIVERY, {**FLOWS_WH, f"{BUYER}.grid": (31_000, 0)}))
        bench.give(*sun(DELIVERY, 9_000))
        bench.give(*sun(DELIVERY, 8_000))

        assert (len(bench.published(IntervalSettled)), len(bench.published(IntervalResettled))) == (1, 1)
        assert [one.revision for one in bench.published(CertificatesSettled)] == [0, 1]
        with reading(bench.engine) as db:
            assert ledger_flaws(db, COMPLEX_ID) == []
        # Without the triggers it is the role alone that refuses.
        for table in BOOKS:
            for change in (f"DELETE FROM {table}", f"UPDATE {table} SET complex_id = 'x'", f"TRUNCATE {table}"):
                with pytest.raises(sa.exc.ProgrammingError, match="permission denied"), bench.engine.begin() as db:
                    db.execute(sa.text(change))
