"""The batteries' own memory: a small JSON file a factory, replaced in one step, so that kill -9 finds it whole."""

import json
import logging
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from services.fems.domain.registers.vendor_models import PROFILE_RECORDS
from services.fems.domain.simulated.controls import Control
from services.fems.domain.simulated.dispatch import ScheduleEntry
from services.fems.domain.simulated.field import SimulatedSite
from services.fems.simulator.site import BatteryState, IntervalRecord, SavedFeeder, SavedSite
from shared.errors import ODD_INPUT, BadInput
from shared.files import read_file

logger = logging.getLogger(__name__)

FORMAT = 2
# A week's records of a factory with a hundred batteries.
BYTES_MAX = 10_000_000


class FieldMemory:
    """One complex's files under the field folder."""

    def __init__(self, folder: Path, complex_id: str) -> None:
        self._folder = folder / complex_id
        self._folder.mkdir(parents=True, exist_ok=True)

    def save(self, participant_id: str, saved: SavedSite) -> None:
        """Write a factory's state."""
        content = {
            "format": FORMAT,
            "through": saved.through,
            "moved_uj": [saved.moved_import_uj, saved.moved_export_uj],
            "records": _listed(saved.records),
            "batteries": {
                battery_id: {
                    "stored_uj": state.stored_uj,
                    "power_w": state.power_w,
                    "counters_uj": [state.import_uj, state.export_uj],
                    "schedule": [
                        [one.start_s, one.setpoint_w, one.expires_s, one.sequence] for one in state.schedule.values()
                    ],
                    "controls": [
                        {"model_id": one.model_id, "at_us": one.at_us, "points": dict(one.points)}
                        for one in state.controls
                    ],
                    "records": _listed(state.records),
                }
                for battery_id, state in saved.batteries.items()
            },
        }
        path = self._path(participant_id)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(content) + "\n")
        draft.replace(path)

    def load(self, site: SimulatedSite) -> SavedSite | None:
        """Read a factory's state; None where it has none, or stands for other batteries than the complex file's.

        Raises:
            BadInput: The file is not one that `save` wrote.
        """
        path = self._path(site.participant_id)
        if not site.batteries:
            return None
        try:
            content = json.loads(read_file(path, bytes_max=BYTES_MAX))
            _require_format(content["format"])
            saved = SavedSite(
                through=int(content["through"]),
                moved_import_uj=int(content["moved_uj"][0]),
                moved_export_uj=int(content["moved_uj"][1]),
                batteries={battery_id: _state(one) for battery_id, one in content["batteries"].items()},
                records=_recorded(content["records"]),
            )
        except FileNotFoundError:
            return None
        except ODD_INPUT:
            rule = f"must be a battery memory of format {FORMAT}"
            hint = "delete the file to start with new batteries"
            raise BadInput(where=str(path), field="$", rule=rule, value="something else", hint=hint) from None
        same = set(saved.batteries) == {battery.device_id for battery in site.batteries}
        return saved if same else None

    def restored(self, site: SimulatedSite) -> SavedSite | None:
        """Read a factory's state as `load` does; a file that can't be read is set aside, and its batteries are new."""
        try:
            return self.load(site)
        except BadInput as problem:
            path = self._path(site.participant_id)
            facts = {"reason": str(problem), "set_aside": f"{path.name}.odd"}
            logger.error("batteries begin anew", extra=facts)  # noqa: TRY400 -- the reason is the whole story
            with suppress(OSError):
                path.replace(path.with_name(f"{path.name}.odd"))
            return None

    def save_feeder(self, meter_id: str, saved: SavedFeeder) -> None:
        """Write a feeder meter's counters."""
        path = self._feeder_path(meter_id)
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(".draft")
        content = {"through": saved.through, "import_wh": saved.import_wh, "export_wh": saved.export_wh}
        draft.write_text(json.dumps(content) + "\n")
        draft.replace(path)

    def load_feeder(self, meter_id: str) -> SavedFeeder | None:
        """Read a feeder meter's counters; what is none that `save_feeder` wrote is a meter with new counters."""
        try:
            content = json.loads(read_file(self._feeder_path(meter_id), bytes_max=BYTES_MAX))
            return SavedFeeder(*(int(content[name]) for name in ("through", "import_wh", "export_wh")))
        except (OSError, BadInput, *ODD_INPUT):
            return None

    def _feeder_path(self, meter_id: str) -> Path:
        return self._folder / "feeders" / f"{meter_id}.json"

    def _path(self, participant_id: str) -> Path:
        return self._folder / f"{participant_id}.json"


def _require_format(found: object) -> None:
    if found != FORMAT:
        raise ValueError(f"format must be {FORMAT}, was {found}")


def _state(one: dict[str, Any]) -> BatteryState:
    import_uj, export_uj = one["counters_uj"]
    entries = [ScheduleEntry(*numbers) for numbers in one["schedule"]]
    return BatteryState(
        stored_uj=int(one["stored_uj"]),
        power_w=int(one["power_w"]),
        import_uj=int(import_uj),
        export_uj=int(export_uj),
        schedule={entry.number: entry for entry in entries},
        controls=[Control(**written) for written in one["controls"]],
        records=_recorded(one["records"]),
    )


def _listed(records: Iterable[IntervalRecord]) -> list[list[int]]:
    return [[one.number, one.import_wh, one.export_wh] for one in records]


def _recorded(listed: Iterable[list[int]]) -> deque[IntervalRecord]:
    return deque((IntervalRecord(*numbers) for numbers in listed), maxlen=PROFILE_RECORDS)
