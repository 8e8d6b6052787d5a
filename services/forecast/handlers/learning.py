"""Learn anew each week, beside the run loop, and say each day whether models or the season serve."""

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy.engine import Connection, Engine

from services.forecast.domain.learning import boosting
from services.forecast.domain.learning.multi_site import RULES, MultiSite, believed_kw
from services.forecast.domain.learning.selection import KEPT_DAYS, SEEN_DAYS, Selection, Trained, Weeks, trained_of
from services.forecast.handlers.training_data import Past, interval_number, interval_start, site_ids, taught
from services.forecast.store.issues import last_issue
from services.forecast.store.registry import (
    ModelRow,
    add_model,
    drop_models_before,
    judged_day,
    model_body,
    save_judged_day,
    serve_model,
    serve_none,
    serving_model,
)
from shared.complex.model import Complex
from shared.db.engine import reading
from shared.events.forecast import ForecastKind
from shared.intervals import DAY, INTERVALS_PER_DAY, day_start, trading_day_of

logger = logging.getLogger(__name__)


REMEMBERED_DAYS = 90
# Models learn from so many factories at most; of more, evenly chosen. Only of these are readings kept for long.
LEARNED_FROM_MAX = 100


@dataclass(frozen=True, slots=True)
class Serving:
    """The model that serves one kind of site."""

    row: ModelRow
    trained: Trained


class Learner:
    """One complex. What serves is in the database; the weeks' models are kept in memory, and learned again without it.

    It may run in a thread of its own.
    """

    def __init__(self, complex_: Complex) -> None:
        self._complex = complex_
        self._taught = taught(complex_, LEARNED_FROM_MAX)
        self._weeks = {kind: Weeks() for kind in ForecastKind}

    def learn_if_due(self, engine: Engine) -> bool:
        """Learn if a Korean day with an issue has not been learned on; say whether that was so.

        Between reading and writing no transaction is open, so that the run loop is never kept waiting.
        """
        complex_id = self._complex.complex_id
        with reading(engine) as db:
            issue = last_issue(db, complex_id)
            if issue is None or judged_day(db, complex_id) == trading_day_of(issue):
                return False
            today = trading_day_of(issue)
            past = Past(self._complex, self._taught)
            past.refresh(db, today - timedelta(days=KEPT_DAYS))
        learned = {kind: self._selected(past, kind, today) for kind in ForecastKind if site_ids(self._taught, kind)}
        with engine.begin() as db:
            for kind, selected in learned.items():
                self._enter(db, kind, selected, today)
            drop_models_before(db, complex_id, day_start(today) - REMEMBERED_DAYS * DAY)
            save_judged_day(db, complex_id, today)
        return True

    def _selected(self, past: Past, kind: ForecastKind, today: date) -> tuple[Selection, datetime | None]:
        """Return what serves today, and the start of the first interval that its model learned from."""
        first_day = today - timedelta(days=KEPT_DAYS)
        whole, doubts = past.sites(kind, first_day, day_start(today))
        for doubt in doubts:
            finding = {"site_id": doubt.site_id, "rule": doubt.finding.rule, "intervals": doubt.finding.intervals}
            extra = {"complex_id": self._complex.complex_id, **finding}
            logger.warning("readings not learned from", extra=extra)
        first = whole.timelines[0].first

        def sites_at(number: int) -> MultiSite:
            return whole.since(max(number - first - SEEN_DAYS * INTERVALS_PER_DAY, 0))

        selected = self._weeks[kind].select(sites_at, interval_number(day_start(today)))
        if selected.newest is None:
            return selected, None
        seen = sites_at(selected.newest.begin)
        anything = np.isfinite(believed_kw(seen.timelines, *(len(seen.timelines[0].kw),) * 2)).any(axis=1)
        return selected, interval_start(seen.timelines[0].first + int(np.argmax(anything)))

    def _enter(
        self, db: Connection, kind: ForecastKind, learned: tuple[Selection, datetime | None], today: date
    ) -> None:
        complex_id, (selected, begin) = self._complex.complex_id, learned
        losses = {"relative": selected.relative_loss}
        for name, by_lead in (("trees", selected.losses), ("seasonal", selected.seasonal_losses)):
            losses[name] = None if by_lead is None or np.isnan(by_lead).all() else float(np.nanmean(by_lead))
        serves = None
        serve_none(db, complex_id, kind.value)
        if selected.newest is not None and begin is not None:
            until = interval_start(selected.newest.begin)
            row = ModelRow(
                model_id=f"trees/{kind.value}/{trading_day_of(until)}",
                learned_from=begin,
                learned_until=until,
                ranged_until=day_start(today),
                losses=losses,
                sites=site_ids(self._complex.participants, kind),
                inputs=f"readings {selected.newest.inputs}, {boosting.version()}",
            )
            add_model(db, complex_id, kind.value, row)
            if selected.serving is not None:
                serves = row.model_id
                rows = {site_id: n for n, site_id in enumerate(site_ids(self._taught, kind))}
                serving = selected.serving.for_sites([rows.get(site_id, -1) for site_id in row.sites])
                serve_model(db, complex_id, kind.value, serves, serving.as_json(), row.ranged_until)
        facts = {"complex_id": complex_id, "kind": kind.value, "serves": serves, "losses": losses}
        logger.info("forecast models judged", extra=facts)


def load_serving(db: Connection, complex_id: str, kind: ForecastKind) -> Serving | None:
    """Return the model that serves a kind of site; None: the seasonal forecaster does."""
    row = serving_model(db, complex_id, kind.value)
    body = None if row is None else model_body(db, complex_id, kind.value, row.model_id)
    if row is None or body is None:
        return None
    return Serving(row, trained_of(body, RULES[kind.value]))
