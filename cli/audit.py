"""`sandan audit`: was anything in the books changed, taken out or moved, and do two runs have the same books?"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import EXIT_WRONG_ANSWER, Folder, Pretty, print_answer
from shared.errors import BadInput

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from services.settlement.store.book_audit import BookFlaw
    from shared.db.hashchain import Flaw

audit = typer.Typer(no_args_is_help=True, help="Look the books through. / 장부와 감사 기록을 검증합니다.")


@audit.command()
def verify(folder: Folder = None, *, pretty: Pretty = False) -> None:
    """Check the audit chain, the ledger and the certificates; each flaw names its row. / 감사·원장·인증서를 검증합니다.

    Trades, settled lines and invoices are held against the ledger, and what the API keeps of them against settlement.
    / 거래, 정산 내역, 청구서를 원장과 대조하고 API의 사본을 정산 데이터와 대조합니다.

    Needs what a deployment has left, such as `sandan demo` in var/demo-8000. Exit 1 where there is a flaw. / 배포가
    남긴 데이터가 필요합니다(예: `sandan demo`의 var/demo-8000). 결함이 있으면 종료 코드 1.

    Example: sandan audit verify --folder var/demo-8000
    """
    import sqlalchemy as sa

    from cli.kept import database_of, kept_by

    base_url = database_of(folder)
    with kept_by("settlement", base_url) as books, kept_by("trading_api", base_url) as records:
        findings = verified(books, records)
    sound = not any(part["flaws"] for one in findings.values() for part in one.values())
    source = sa.make_url(base_url).render_as_string(hide_password=True)
    print_answer({"sound": sound, "source": source, "complexes": findings}, pretty=pretty)
    if not sound:
        raise typer.Exit(EXIT_WRONG_ANSWER)


@audit.command(name="hash")
def hash_day(
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The Korean day. / 한국 기준 날짜.")],
    folder: Folder = None,
    *,
    pretty: Pretty = False,
) -> None:
    """Hash a day's books without what each run makes of its own. / 실행마다 다른 값을 뺀 하루 장부의 해시.

    Trades, fills, settled lines, ledger balances, statements, certificates and the month's invoices count; ids, causes
    and instants of work do not. Two runs that were told the same have the same hash, on SQLite and PostgreSQL, and
    each section says where others differ. / 같은 입력이면 같은 해시이며, 다르면 어느 부분이 다른지 보여 줍니다.

    Needs what a deployment has left, such as `sandan demo` in var/demo-8000. / 배포가 남긴 데이터가 필요합니다.

    Example: sandan audit hash 2026-05-20 --folder var/demo-8000
    """
    from cli.books_hash import hashed_day
    from cli.kept import database_of, kept_by
    from services.settlement.store.audit import ledger_complexes

    base_url = database_of(folder)
    with kept_by("market", base_url) as market, kept_by("settlement", base_url) as settlement:
        found = {
            complex_id: hashed_day(market, settlement, complex_id, day.date())
            for complex_id in ledger_complexes(settlement)
        }
    if not any(part["rows"] for one in found.values() for part in one["sections"].values()):
        raise BadInput(where="command line", field="DAY", rule="must be a day with books", value=f"{day:%Y-%m-%d}")
    print_answer({"day": f"{day:%Y-%m-%d}", "complexes": found}, pretty=pretty)


def verified(books: "Connection", records: "Connection") -> dict[str, dict[str, dict[str, Any]]]:
    """Check settlement's ledger and certificates, and the record of what operators did, complex by complex."""
    from services.settlement.store.audit import ledger_complexes
    from services.trading_api.log.audit import audited_complexes

    complexes = sorted({*ledger_complexes(books), *audited_complexes(records)})
    return {
        complex_id: {
            "ledger": _ledger(books, records, complex_id),
            "certificates": _certificates(books, records, complex_id),
            "operator_actions": _actions(books, records, complex_id),
        }
        for complex_id in complexes
    }


def _ledger(books: "Connection", records: "Connection", complex_id: str) -> dict[str, Any]:
    from services.settlement.store.audit import (
        ledger_flaws,
        ledger_links,
        ledger_sum_krw,
        unbalanced_entries,
        unlinked_entries,
    )
    from services.trading_api.billing.queries import ledger_anchors

    links = ledger_links(books, complex_id)
    anchors = ledger_anchors(records, complex_id)
    sum_krw = ledger_sum_krw(books, complex_id)
    flaws = [
        *({**_flaw(flaw), "entry_id": _entry_id(links, flaw)} for flaw in ledger_flaws(books, complex_id)),
        *_published_otherwise({number: link.hash for number, link in links.items()}, anchors),
        *({"kind": "unbalanced", "entry_id": one} for one in unbalanced_entries(books, complex_id)),
        *({"kind": "unlinked", "entry_id": one} for one in unlinked_entries(books, complex_id)),
    ]
    if not flaws:
        # A ledger that does not hold itself proves nothing of what else is told.
        flaws = [
            {"kind": "changed", "what": one.what, "subject": one.subject, "detail": one.detail}
            for one in _book_flaws(books, records, complex_id)
        ]
    return {"links": len(links), "published_links": len(anchors), "sum_krw": sum_krw, "flaws": flaws}


def _book_flaws(books: "Connection", records: "Connection", complex_id: str) -> "list[BookFlaw]":
    """Hold trades, settled lines and invoices against the ledger, and what the API keeps of them against settlement."""
    from services.settlement.store.book_audit import Copies, book_flaws, told_otherwise
    from services.trading_api.billing.queries import invoice_copies, line_copies
    from services.trading_api.market.queries import trade_copies

    copies = Copies(
        lines=line_copies(records, complex_id),
        invoices=invoice_copies(records, complex_id),
        trades=trade_copies(records, complex_id),
    )
    return [*book_flaws(books, complex_id), *told_otherwise(books, complex_id, copies)]


def _entry_id(links: dict[int, Any], flaw: "Flaw") -> str | None:
    return links[flaw.number].entry_id if flaw.number in links else None


def _certificates(books: "Connection", records: "Connection", complex_id: str) -> dict[str, Any]:
    from services.settlement.store.certificate_audit import certification_flaws, certification_links
    from services.trading_api.certificates.queries import certification_anchors

    links = certification_links(books, complex_id)
    anchors = certification_anchors(records, complex_id)
    starts = {number: link.delivery_start.isoformat() for number, link in links.items()}
    flaws = [
        *(
            {**_flaw(flaw), "delivery_start": starts.get(flaw.number)}
            for flaw in certification_flaws(books, complex_id)
        ),
        *_published_otherwise({number: link.hash for number, link in links.items()}, anchors),
    ]
    return {"links": len(links), "published_links": len(anchors), "flaws": flaws}


def _published_otherwise(hashes: Mapping[int, str], anchors: Mapping[int, str]) -> list[dict[str, Any]]:
    """Return a flaw for each link that is not what was published of it."""
    detail = "was published otherwise"
    return [
        {"kind": "missing" if number not in hashes else "changed", "number": number, "detail": detail}
        for number, digest in sorted(anchors.items())
        if hashes.get(number) != digest
    ]


def _actions(books: "Connection", records: "Connection", complex_id: str) -> dict[str, Any]:
    from services.settlement.store.operators import published_links
    from services.trading_api.log.audit import audit_flaws, audit_hashes

    hashes = audit_hashes(records, complex_id)
    flaws = [
        *(_flaw(flaw) for flaw in audit_flaws(records, complex_id)),
        *_published_otherwise(hashes, published_links(books, complex_id)),
    ]
    return {"links": len(hashes), "flaws": flaws}


def _flaw(flaw: "Flaw") -> dict[str, Any]:
    return {"kind": flaw.kind, "number": flaw.number, "detail": flaw.detail}
