"""What a JSON file beside the batteries' memory asks of the simulated devices, read again whenever it changes."""

import fcntl
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from shared import strict_json
from shared.errors import BadInput, BadInputs
from shared.files import read_file
from shared.validation import checked

logger = logging.getLogger(__name__)

BYTES_MAX = 1_000_000
Content = TypeVar("Content", bound=BaseModel)
Wanted = TypeVar("Wanted")


class RequestFile(Generic[Content, Wanted]):
    """A file as the devices need it.

    Args:
        path: Of the file; there may be none.
        kind: What stands in it; without fields it asks for nothing.
        meaning: Makes of it what the devices need.
    """

    def __init__(self, path: Path, kind: type[Content], meaning: Callable[[Content], Wanted]) -> None:
        self._path = path
        self._kind = kind
        self._meaning = meaning
        self._stamp_ns = 0
        self._wanted = meaning(kind())
        self.newest()

    def newest(self) -> Wanted:
        """Return what the file asks for; what it asked for before, where it can't be read."""
        stamp_ns = self._changed_ns()
        if stamp_ns != self._stamp_ns:
            self._stamp_ns = stamp_ns
            try:
                self._wanted = self._meaning(read_requested(self._path, self._kind))
            except (BadInput, BadInputs) as error:
                facts = {"file": self._path.name, "reason": str(error)}
                logger.error("devices stay as they were asked to be", extra=facts)  # noqa: TRY400 -- it is whole
        return self._wanted

    def _changed_ns(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0


def read_requested(path: Path, kind: type[Content]) -> Content:
    """Read a file; one that is not there asks for nothing.

    Raises:
        BadInput: It is no file, or no JSON.
        BadInputs: It breaks rules.
    """
    try:
        content = strict_json.parse(read_file(path, bytes_max=BYTES_MAX), where=str(path), exact=False)
    except FileNotFoundError:
        return kind()
    return checked(kind, content, where=str(path))


def change_requested(path: Path, kind: type[Content], change: Callable[[Content], Content]) -> Content:
    """Read a file, change what it asks for, and write it in one step, one process after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        changed = change(read_requested(path, kind))
        write_requested(path, changed)
    return changed


def write_requested(path: Path, content: BaseModel) -> None:
    """Write a file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(content.model_dump_json(indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
