"""Register maps of devices without SunSpec models, as their files describe them (infra/register_maps/README.md)."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from shared import yaml_text
from shared.errors import BadInput, did_you_mean
from shared.paths import INFRA
from shared.validation import checked

REGISTER_MAPS = INFRA / "register_maps"
# The widest number that a map may have takes four registers.
ADDRESS_MAX = 65_532


# How many registers each kind of number takes.
REGISTERS = {
    "int16": 1,
    "uint16": 1,
    "int32": 2,
    "uint32": 2,
    "float32": 2,
    "int64": 4,
    "uint64": 4,
    "float64": 4,
}


def _exact(given: object) -> object:
    """Take a number as it is written, not as its nearest float."""
    return str(given) if isinstance(given, float) else given


class MappedPoint(BaseModel):
    """A quantity; its number times `factor` is W or Wh, and a counter begins again at `modulus` numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: Annotated[int, Field(ge=0, le=ADDRESS_MAX)]
    kind: Literal["int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
    factor: Annotated[Decimal, BeforeValidator(_exact), Field(gt=0, le=10**9)] = Decimal(1)
    modulus: Annotated[int, Field(ge=2, le=1 << 64)] | None = None

    @property
    def size(self) -> int:
        """Return how many registers it takes."""
        return REGISTERS[self.kind]


class MappedPoints(BaseModel):
    """What there is to read: power, and at least one counter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    power_w: MappedPoint
    import_wh: MappedPoint | None = None
    export_wh: MappedPoint | None = None

    @model_validator(mode="after")
    def _counts(self) -> "MappedPoints":
        if not self.counters:
            raise ValueError("must have import_wh, export_wh or both")
        return self

    @property
    def counters(self) -> tuple[MappedPoint, ...]:
        """Return the counters that there are."""
        return tuple(one for one in (self.import_wh, self.export_wh) if one is not None)


class RegisterMap(BaseModel):
    """A device's map; `positive` is the way of power whose number is positive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    table: Literal["holding", "input"] = "holding"
    word_order: Literal["high_first", "low_first"] = "high_first"
    positive: Literal["import", "export"] = "import"
    points: MappedPoints


def load_register_map(path: Path) -> RegisterMap:
    """Read a map's file.

    Raises:
        BadInput: It is missing or not YAML.
        BadInputs: It breaks rules; each names its JSON path.
    """
    try:
        content = yaml_text.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(where=str(path), field="register map", rule="must be readable", value=error.strerror) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0]
        raise BadInput(where=str(path), field="register map", rule="must be YAML", value=first) from None
    return checked(RegisterMap, content, where=str(path))


def named_register_map(name: str) -> RegisterMap:
    """Read one of the project's maps.

    Raises:
        BadInput: There is none of that name.
    """
    known = sorted(path.stem for path in REGISTER_MAPS.glob("*.yaml"))
    if name not in known:
        rule, hint = f"must be one of {known}", did_you_mean(name, known)
        raise BadInput(where="complex file", field="register_map", rule=rule, value=name, hint=hint)
    return load_register_map(REGISTER_MAPS / f"{name}.yaml")
