"""The keys that a deployment starts with, from a file that is kept as secrets are."""

import json
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy.engine import Engine

from services.trading_api.access.commands import NewKey, key_row
from services.trading_api.access.queries import save_key
from services.trading_api.access.schemas import BootstrapKey
from services.trading_api.http.credentials import hash_of
from services.trading_api.roles import Role
from shared.complex.complexes import Complexes
from shared.errors import BadInput, BadInputs

SETTING = "TRADING_API_BOOTSTRAP_KEYS_FILE"


def read_keys_file(path: Path, complexes: Complexes, *, now: datetime) -> list[BootstrapKey]:
    """Read a JSON list of keys: key, role, complex_id, participant_id, name.

    Raises:
        BadInput: The file is missing or no JSON list.
        BadInputs: Entries break rules; no message repeats a key.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(where="environment", field=SETTING, rule="must name a readable file", value=str(path)) from error
    except ValueError:
        raise BadInput(where=str(path), field="$", rule="must be JSON", value="something else") from None
    if not isinstance(content, list):
        raise BadInput(where=str(path), field="$", rule="must be a list of keys", value=type(content).__name__)
    keys, problems = [], []
    for number, one in enumerate(content):
        try:
            key = BootstrapKey.model_validate(one)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            problems.append(_problem(path, number, field, first["msg"], "hidden"))
            continue
        problems += _misfits(path, number, key, complexes, now)
        keys.append(key)
    if problems:
        raise BadInputs(problems)
    return keys


def load_keys(engine: Engine, keys: list[BootstrapKey], *, now: datetime) -> None:
    """Keep keys by their hashes; those that are known already are left alone, revoked ones included."""
    with engine.begin() as db:
        for one in keys:
            new = NewKey(key_hash=hash_of(one.key), role=one.role, participant_id=one.participant_id, name=one.name)
            save_key(db, key_row(one.complex_id, new, now=now))


def _misfits(path: Path, number: int, key: BootstrapKey, complexes: Complexes, now: datetime) -> list[BadInput]:
    if key.complex_id not in complexes:
        rule = f"must be one of {sorted(complexes)}"
        return [_problem(path, number, "complex_id", rule, key.complex_id)]
    members = complexes.at(key.complex_id, now).by_participant
    if key.role is Role.FACTORY and key.participant_id not in members:
        return [_problem(path, number, "participant_id", "must name a participant", key.participant_id)]
    if key.role is not Role.FACTORY and key.participant_id is not None:
        rule = "must be null for this role"
        return [_problem(path, number, "participant_id", rule, key.participant_id)]
    return []


def _problem(path: Path, number: int, field: str, rule: str, value: object) -> BadInput:
    return BadInput(where=str(path), field=f"$[{number}].{field}", rule=rule, value=value)
