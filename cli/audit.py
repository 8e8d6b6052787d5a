"""`sandan audit verify`: was anything in the ledger or in the operators' record changed, taken out or moved?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from cli.output import EXIT_WRONG_ANSWER, Folder, Pretty, print_answer

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from shared.db.hashchain import Flaw

audit = typer.Typer(no_args_is_help=True, help="Look the books through. / 장부와 감사 기록을 검증합니다.")


@audit.callback()
def _audit() -> None:
    """Keep a lone verb a verb: without a callback Typer would drop its name."""


@audit.command()
def verify(folder: Folder = None, *, pretty: Pretty = False) -> None:
    """Check the audit chain, the ledger and the certificates; each flaw names its row. / 감사·원장·인증서를 검증합니다.

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


def verified(books: "Connection", records: "Connection") -> dict[str, dict[str, dict[str, Any]]]:
    """Check settlement's ledger and certificates, and the record of what operators did, complex by complex."""
    from services.settlement.store.audit import ledger_complexes
    from services.trading_api.log.audit import audited_complexes

    complexes = sorted({*ledger_complexes(books), *audited_complexes(records)})
    return {
        complex_id: {
            "ledger": _ledger(books, records, complex_id),
            "certificates": _certificates(books, records, complex_id),
            "operator_actions": _actions(records, complex_id),
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
    return {"links": len(links), "published_links": len(anchors), "sum_krw": sum_krw, "flaws": flaws}


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


def _actions(records: "Connection", complex_id: str) -> dict[str, Any]:
    from services.trading_api.log.audit import audit_flaws, audit_length

    flaws = [_flaw(flaw) for flaw in audit_flaws(records, complex_id)]
    return {"links": audit_length(records, complex_id), "flaws": flaws}


def _flaw(flaw: "Flaw") -> dict[str, Any]:
    return {"kind": flaw.kind, "number": flaw.number, "detail": flaw.detail}
