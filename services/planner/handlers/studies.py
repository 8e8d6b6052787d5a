"""The studies: taken in, worked off one after another, answered once."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.engine import Connection

from services.planner import store
from services.planner.domain.feeders import LimitBroken, limits_broken
from services.planner.domain.scenarios import Outcome, Scenario, expand, total
from services.planner.handlers.cluster import Cluster, Work, WorkLost
from services.planner.handlers.days import site_days
from services.planner.store import Study
from shared.complex.complexes import Complexes
from shared.complex.model import Complex
from shared.errors import ODD_INPUT, BadInput
from shared.events.base import Envelope, Event
from shared.events.commands import StudyCancelRequested, StudyRequested
from shared.events.fems import IntervalMetered, MeterKind
from shared.events.planner import FeederLimitBroken, StudyCompleted, StudyFailed, StudyProgressed, StudyResult
from shared.intervals import day_start, delivery_starts, trading_day_of
from shared.metering import history
from shared.runtime.handlers import Caused
from shared.study_fields import SCENARIOS_MAX

logger = logging.getLogger(__name__)

KEPT = timedelta(days=400)
RETRY_AFTER = timedelta(minutes=1)


class _Running(NamedTuple):
    key: tuple[str, str]
    work: Mapping[str, Work]


class Planner:
    """The studies of a deployment. What matters is in the database; here are only the ends of the running work."""

    def __init__(self, complexes: Complexes, cluster: Cluster) -> None:
        self._complexes = complexes
        self._cluster = cluster
        # Whether the database may hold an open study; a wrong yes costs one query.
        self._may_have_work = True
        self._running: _Running | None = None
        self._retry_at: datetime | None = None

    def on_interval_metered(self, envelopes: Sequence[Envelope[IntervalMetered]], db: Connection) -> Sequence[Caused]:
        """Keep readings for the studies to come; with a day's first one, forget the oldest day."""
        kept = [envelope.event for envelope in envelopes if envelope.event.meter_kind is not MeterKind.FEEDER]
        history.save_readings(db, map(history.reading_of, kept))
        begun = {(event.complex_id, event.delivery_start) for event in kept}
        for complex_id, start in sorted(begun):
            if start == day_start(trading_day_of(start)):
                history.drop_readings_before(db, complex_id, start - KEPT)
        return []

    def on_study_requested(self, envelope: Envelope[StudyRequested], db: Connection) -> Sequence[Event]:
        """Take a study in, or say which rule it breaks."""
        event = envelope.event
        if store.is_known(db, event.complex_id, event.study_id):
            return []
        count = len(event.battery_scales) * len(event.pv_scales) * len(event.tariff_options)
        allowed = 1 <= count <= SCENARIOS_MAX
        study = Study(
            complex_id=event.complex_id,
            study_id=event.study_id,
            requested_at=event.requested_at,
            trading_day=event.trading_day,
            scenarios=expand(event.battery_scales, event.pv_scales, event.tariff_options) if allowed else (),
        )
        store.add_study(db, study, store.OPEN if allowed else store.FAILED)
        self._may_have_work = True
        if allowed:
            return [_progressed(study, sites_done=0, sites=1)]
        return [_failed(study, f"scenarios must be 1 to {SCENARIOS_MAX} in number, were {count}")]

    def on_study_cancel_requested(self, envelope: Envelope[StudyCancelRequested], db: Connection) -> Sequence[Event]:
        """Give a study up, if it is still open; whoever cancelled it needs no answer."""
        event = envelope.event
        store.close_study(db, event.complex_id, event.study_id, store.CANCELLED)
        self._may_have_work = True
        return []

    def tick(self, now: datetime, db: Connection) -> Sequence[Event]:
        """Begin the oldest open study, or collect what its sites came to."""
        if not self._may_have_work or (self._retry_at is not None and now < self._retry_at):
            return []
        study = store.oldest_open(db)
        if self._running is not None and (study is None or study.key != self._running.key):
            self._drop()
        if study is None:
            self._may_have_work = False
            return []
        if study.complex_id not in self._complexes:
            return self._fail(db, study, f"complex {study.complex_id} is served no longer")
        try:
            done = store.sites_done(db, study)
            if self._running is None:
                self._running = self._begun(db, study, done)
            return self._collect(db, study, self._running.work, done)
        except BadInput as problem:
            return self._fail(db, study, str(problem))
        except (OSError, WorkLost) as fault:
            logger.warning("study waits for the Dask cluster", extra={"study_id": study.study_id, "reason": str(fault)})
            self._drop()
            self._cluster.close()
            self._retry_at = now + RETRY_AFTER
            return []
        except ODD_INPUT as odd:
            # One study's facts are odd: the others' turn comes all the same.
            logger.exception("study failed", extra={"study_id": study.study_id, "complex_id": study.complex_id})
            return self._fail(db, study, f"it could not be computed ({type(odd).__name__}: {odd})")

    def next_due(self, now: datetime, db: Connection) -> datetime | None:
        """Return when to look after the open study again; None while there is none."""
        del db
        if not self._may_have_work:
            return None
        return now if self._retry_at is None else max(now, self._retry_at)

    def _complex_of(self, study: Study) -> Complex:
        return self._complexes.at(study.complex_id, day_start(study.trading_day))

    def _begun(self, db: Connection, study: Study, done: Mapping[str, object]) -> _Running:
        readings = history.readings_of(db, study.complex_id, delivery_starts(study.trading_day))
        sites = site_days(readings, self._complex_of(study), study.trading_day, study.scenarios)
        self._retry_at = None
        logger.info("study begun", extra={"study_id": study.study_id, "scenarios": len(study.scenarios)})
        return _Running(
            key=study.key,
            work={
                site.participant_id: self._cluster.submit(site, study.scenarios)
                for site in sites
                if site.participant_id not in done
            },
        )

    def _collect(
        self, db: Connection, study: Study, work: Mapping[str, Work], done: Mapping[str, tuple[Outcome, ...]]
    ) -> Sequence[Event]:
        new = {}
        for participant_id, one in work.items():
            if participant_id in done or not one.is_done:
                continue
            try:
                new[participant_id] = one.outcomes()
            except (WorkLost, OSError):
                raise
            except Exception as error:  # noqa: BLE001 -- whatever a worker raised ends this study, not the planner
                logger.error(  # noqa: TRY400 -- the worker's trace would be Dask's, not ours
                    "study failed", extra={"study_id": study.study_id, "site": participant_id, "reason": repr(error)}
                )
                return self._fail(db, study, f"the schedule of {participant_id} could not be computed: {error}")
            store.add_site(db, study, participant_id, new[participant_id])
        all_done = {**done, **new}
        sites = [one.participant_id for one in self._complex_of(study).participants]
        count_done = sum(site in all_done for site in sites)
        if count_done < len(sites):
            return [_progressed(study, sites_done=count_done, sites=len(sites))] if new else []
        completed = _completed(study, self._complex_of(study), all_done)
        store.close_study(db, study.complex_id, study.study_id, store.COMPLETED)
        return [completed]

    def _fail(self, db: Connection, study: Study, reason: str) -> Sequence[Event]:
        store.close_study(db, study.complex_id, study.study_id, store.FAILED)
        return [_failed(study, reason)]

    def _drop(self) -> None:
        if self._running is not None:
            for one in self._running.work.values():
                one.drop()
        self._running = None


def _progressed(study: Study, *, sites_done: int, sites: int) -> StudyProgressed:
    """Sites end, not scenarios: their share is told in scenarios, rounded down."""
    count = len(study.scenarios)
    return StudyProgressed(
        complex_id=study.complex_id, study_id=study.study_id, done=count * sites_done // sites, total=count
    )


def _failed(study: Study, reason: str) -> StudyFailed:
    return StudyFailed(complex_id=study.complex_id, study_id=study.study_id, reason=reason)


def results_of(
    scenarios: Sequence[Scenario], outcomes: Sequence[Outcome], broken: Sequence[Sequence[LimitBroken]] | None = None
) -> tuple[StudyResult, ...]:
    """Return what each scenario came to, as the planner says it, with the feeders' limits that it breaks."""
    return tuple(
        StudyResult(
            battery_scale=scenario.battery_scale,
            pv_scale=scenario.pv_scale,
            tariff_option=scenario.tariff_option,
            cost_krw=outcome.cost_krw,
            grid_import_wh=outcome.grid_import_wh,
            grid_export_wh=outcome.grid_export_wh,
            feeder_limits_broken=tuple(_broken(one) for one in of_scenario),
        )
        for scenario, outcome, of_scenario in zip(scenarios, outcomes, broken or [()] * len(scenarios), strict=True)
    )


def _broken(limit: LimitBroken) -> FeederLimitBroken:
    return FeederLimitBroken(
        feeder_id=limit.feeder_id,
        direction=limit.direction,
        limit_w=limit.limit_w,
        highest_w=limit.highest_w,
        intervals=limit.intervals,
    )


def _completed(study: Study, complex_: Complex, done: Mapping[str, Sequence[Outcome]]) -> StudyCompleted:
    of_sites = {participant.participant_id: done[participant.participant_id] for participant in complex_.participants}
    broken = limits_broken(complex_.feeders, complex_.feeder_of, of_sites)
    results = results_of(study.scenarios, total(of_sites.values()), broken)
    return StudyCompleted(complex_id=study.complex_id, study_id=study.study_id, results=results)
