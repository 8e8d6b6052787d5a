"""Keep what the planner says about studies."""

from sqlalchemy.engine import Connection

from services.trading_api.log.stream import StreamEntry, show
from services.trading_api.roles import STAFF
from services.trading_api.studies import queries
from services.trading_api.studies.domain import ENDED
from services.trading_api.studies.views import study_result_view
from shared.events.base import Envelope, Event
from shared.events.planner import StudyCompleted, StudyFailed, StudyProgressed


class StudyHandlers:
    """Keep how far studies are and what they answer."""

    def on_study_progressed(self, envelope: Envelope[StudyProgressed], db: Connection) -> list[Event]:
        """Keep how far a study is."""
        event = envelope.event
        return _change(envelope, db, event.study_id, status="running", done=event.done, total=event.total)

    def on_study_completed(self, envelope: Envelope[StudyCompleted], db: Connection) -> list[Event]:
        """Keep a study's answer."""
        event = envelope.event
        results = [study_result_view(result.model_dump()) for result in event.results]
        ended = {"status": "completed", "results": results, "done": len(results), "total": len(results)}
        return _change(envelope, db, event.study_id, **ended)

    def on_study_failed(self, envelope: Envelope[StudyFailed], db: Connection) -> list[Event]:
        """Keep that a study has no answer, and why."""
        return _change(envelope, db, envelope.event.study_id, status="failed", reason=envelope.event.reason)


def _change(envelope: Envelope[Event], db: Connection, study_id: str, **changed: object) -> list[Event]:
    complex_id = envelope.event.complex_id
    known = queries.study(db, complex_id, study_id)
    if known is not None and known["status"] not in ENDED:
        queries.change_study(db, complex_id, study_id, **changed)
        shown = {"study_id": study_id, **{name: fact for name, fact in changed.items() if name != "results"}}
        show(db, envelope, StreamEntry(STAFF, "study", shown))
    return []
