"""The batteries' own memory: a small JSON file a factory, replaced in one step, so that kill -9 finds it whole."""

import json
from collections import deque
from dataclasses import asdict
from pathlib import Path

from services.fems.domain.dispatch import Entry
from services.fems.domain.field import Site
from services.fems.domain.vendor_models import PROFILE_RECORDS
from services.fems.simulator.plant import BatteryState, Record, SavedFeeder, SavedSite
from shared.errors import BadInput

FORMAT = 1


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
            "moved_wh": [saved.moved_import_wh, saved.moved_export_wh],
            "batteries": {
                battery_id: {
                    "stored_mwh": state.stored_mwh,
                    "counters_wh": [state.import_wh, state.export_wh],
                    "schedule": [
                        [one.start_s, one.setpoint_w, one.expires_s, one.sequence] for one in state.schedule.values()
                    ],
                    "records": [[one.number, one.import_wh, one.export_wh] for one in state.records],
                }
                for battery_id, state in saved.batteries.items()
            },
        }
        path = self._path(participant_id)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(content) + "\n")
        draft.replace(path)

    def load(self, site: Site) -> SavedSite | None:
        """Read a factory's state; None where it has none, or stands for other batteries than the complex file's.

        Raises:
            BadInput: The file is not one that `save` wrote.
        """
        path = self._path(site.participant_id)
        if not site.batteries or not path.exists():
            return None
        try:
            content = json.loads(path.read_text())
            _require_format(content["format"])
            saved = SavedSite(
                through=int(content["through"]),
                moved_import_wh=int(content["moved_wh"][0]),
                moved_export_wh=int(content["moved_wh"][1]),
                batteries={battery_id: _state(one) for battery_id, one in content["batteries"].items()},
            )
        except (KeyError, TypeError, ValueError, IndexError):
            rule = f"must be a battery memory of format {FORMAT}"
            hint = "delete the file to start with new batteries"
            raise BadInput(where=str(path), field="$", rule=rule, value="something else", hint=hint) from None
        same = set(saved.batteries) == {battery.device_id for battery in site.batteries}
        return saved if same else None

    def save_feeder(self, meter_id: str, saved: SavedFeeder) -> None:
        """Write a feeder meter's counters."""
        path = self._feeder_path(meter_id)
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(saved)) + "\n")
        draft.replace(path)

    def load_feeder(self, meter_id: str) -> SavedFeeder | None:
        """Read a feeder meter's counters; what is none that `save_feeder` wrote is a meter with new counters."""
        try:
            content = json.loads(self._feeder_path(meter_id).read_text())
            return SavedFeeder(*(int(content[name]) for name in ("through", "import_wh", "export_wh")))
        except (OSError, KeyError, TypeError, ValueError):
            return None

    def _feeder_path(self, meter_id: str) -> Path:
        return self._folder / "feeders" / f"{meter_id}.json"

    def _path(self, participant_id: str) -> Path:
        return self._folder / f"{participant_id}.json"


def _require_format(found: object) -> None:
    if found != FORMAT:
        raise ValueError(f"format must be {FORMAT}, was {found}")


def _state(one: dict[str, list[list[int]]]) -> BatteryState:
    counters: list[int] = [int(str(number)) for number in one["counters_wh"]]
    entries = [Entry(*numbers) for numbers in one["schedule"]]
    return BatteryState(
        stored_mwh=int(str(one["stored_mwh"])),
        import_wh=counters[0],
        export_wh=counters[1],
        schedule={entry.number: entry for entry in entries},
        records=deque((Record(*numbers) for numbers in one["records"]), maxlen=PROFILE_RECORDS),
    )
