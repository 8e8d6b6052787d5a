"""Learn anew once a day, beside the run loop, and let a new model serve only where it beat what served before."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.engine import Connection, Engine

from services.forecast.domain import outlook
from services.forecast.domain.climatology import Distribution
from services.forecast.domain.horizon import HISTORY_DAYS, NEAR_DAYS, Horizon
from services.forecast.domain.learning import boosting, multi_site
from services.forecast.domain.learning.multi_site import HELD_BACK_DAYS, MultiSite, RoofSites, Selection, Trained
from services.forecast.handlers.training_data import Past, believed
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
from shared.arrays import Floats
from shared.complex.model import Complex
from shared.db.engine import reading
from shared.events.forecast import ForecastKind
from shared.intervals import DAY, INTERVAL, INTERVALS_PER_DAY, day_start, trading_day_of

logger = logging.getLogger(__name__)


LEARNED_DAYS = HISTORY_DAYS - HELD_BACK_DAYS
REMEMBERED_DAYS = 90


@dataclass(frozen=True, slots=True)
class Serving:
    """The model that serves one kind of site."""

    row: ModelRow
    trained: Trained


class Learner:
    """One complex. What it learned is in the database; it may run in a thread of its own."""

    def __init__(self, complex_: Complex) -> None:
        self._complex = complex_

    def learn_if_due(self, engine: Engine) -> bool:
        """Learn if a Korean day with an issue has not been learned on; say whether that was so.

        Between reading and writing no transaction is open, so that the run loop is never kept waiting.
        """
        complex_id = self._complex.complex_id
        with reading(engine) as db:
            issue = last_issue(db, complex_id)
            if issue is None or judged_day(db, complex_id) == trading_day_of(issue):
                return False
            horizon = Horizon(day_start(trading_day_of(issue)))
            past = Past(self._complex)
            past.meters.refresh(db, horizon.history[0])
            serving = {kind: load_serving(db, complex_id, kind) for kind in ForecastKind}
        fleets, doubts = believed(self._complex, past, horizon, past.fleets(horizon))
        for doubt in doubts:
            finding = {"site_id": doubt.site_id, "rule": doubt.finding.rule, "intervals": doubt.finding.intervals}
            logger.warning("readings not learned from", extra={"complex_id": complex_id, **finding})
        learned: list[tuple[ForecastKind, ModelRow, Selection]] = []
        for kind, sites, one in (
            (ForecastKind.PV, past.site_ids, fleets.roofs),
            (ForecastKind.LOAD, past.factory_ids, fleets.factories),
        ):
            if one is not None:
                old = serving[kind]
                model = old.trained.model if old is not None and old.row.sites == sites else None
                verdict = multi_site.judged(one, model, multi_site.loss_of(one, _seasonal(past, horizon, one)))
                learned.append((kind, _entry(kind, horizon, sites, one, verdict), verdict))
        with engine.begin() as db:
            for kind, row, verdict in learned:
                self._enter(db, kind, row, verdict, serving[kind])
            drop_models_before(db, complex_id, horizon.issue - REMEMBERED_DAYS * DAY)
            save_judged_day(db, complex_id, horizon.today)
        return True

    def _enter(
        self, db: Connection, kind: ForecastKind, row: ModelRow, verdict: Selection, before: Serving | None
    ) -> None:
        complex_id = self._complex.complex_id
        if verdict.new_loss is not None:
            add_model(db, complex_id, kind.value, row)
        serves = row.model_id if verdict.is_new else None if before is None else before.row.model_id
        if verdict.serving is None or serves is None:
            serves = None
            serve_none(db, complex_id, kind.value)
        else:
            serve_model(db, complex_id, kind.value, serves, verdict.serving.as_json(), row.ranged_until)
        facts = {"complex_id": complex_id, "kind": kind.value, "serves": serves, "losses": row.losses}
        logger.info("forecast models judged", extra=facts)


def load_serving(db: Connection, complex_id: str, kind: ForecastKind) -> Serving | None:
    """Return the model that serves a kind of site; None: the seasonal forecaster does."""
    row = serving_model(db, complex_id, kind.value)
    body = None if row is None else model_body(db, complex_id, kind.value, row.model_id)
    if row is None or body is None:
        return None
    return Serving(row, multi_site.trained_of(body, multi_site.RULES[kind.value]))


def _entry(
    kind: ForecastKind, horizon: Horizon, sites: tuple[str, ...], one: MultiSite, verdict: Selection
) -> ModelRow:
    begin = day_start(horizon.history[0])
    inputs = hashlib.sha256(np.ascontiguousarray(one.kw).tobytes()).hexdigest()[:16]
    losses = {"new": verdict.new_loss, "serving": verdict.serving_loss, "seasonal": verdict.seasonal_loss}
    return ModelRow(
        model_id=f"trees/{kind.value}/{horizon.today}",
        learned_from=begin,
        learned_until=begin + LEARNED_DAYS * DAY,
        ranged_until=horizon.issue,
        losses={name: loss if loss is not None and np.isfinite(loss) else None for name, loss in losses.items()},
        sites=sites,
        inputs=f"readings {inputs}, {boosting.version()}",
    )


def _seasonal(past: Past, horizon: Horizon, one: MultiSite) -> Callable[[int], Distribution]:
    """Return the seasonal forecaster as it would have served on the days held back, called with an issue's number."""
    days = [*horizon.history, *horizon.near[1:]]
    begin = day_start(days[0])
    kw = _by_day(one.kw, len(days))
    if isinstance(one, RoofSites):
        clear_kw = _by_day(one.clear_kw, len(days))
        of_roofs = outlook.learn_solar(kw[:LEARNED_DAYS], clear_kw[:LEARNED_DAYS], past.capacity_kw_ac)

        def solar(now: int) -> Distribution:
            near, issue = _near(begin, now)
            return outlook.solar(issue, of_roofs, kw[near], clear_kw[near], past.capacity_kw_ac)

        return solar
    of_factories = outlook.learn_load(days[:LEARNED_DAYS], kw[:LEARNED_DAYS], past.contract_kw, past.rest_days)

    def load(now: int) -> Distribution:
        near, issue = _near(begin, now)
        return outlook.load(issue, of_factories, kw[near], past.rest_days)

    return load


def _near(begin: datetime, now: int) -> tuple[slice, Horizon]:
    today = now // INTERVALS_PER_DAY
    return slice(today - 1, today - 1 + NEAR_DAYS), Horizon(begin + now * INTERVAL)


def _by_day(kw: Floats, days: int) -> Floats:
    whole = np.full((days * INTERVALS_PER_DAY, kw.shape[1]), np.nan)
    whole[: len(kw)] = kw[: len(whole)]
    return whole.reshape(days, INTERVALS_PER_DAY, -1)
