"""Files that others put somewhere: read whole, or refused in plain words, whatever stands in their place."""

import os
import stat
from pathlib import Path

from shared.errors import BadInput

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class StillWritten(BadInput):
    """A file changes while it is read: whoever writes it is not done."""


def read_file(path: Path, *, bytes_max: int) -> bytes:
    """Return a file's bytes; a link is followed.

    Raises:
        FileNotFoundError: There is none, or no more.
        StillWritten: It changes meanwhile.
        BadInput: It is something else, too large, or can't be read.
    """
    try:
        # Before it is opened: opening a device may do something, and a pipe waits for its other end.
        _require_small_file(path, path.stat(), bytes_max)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 -- pathlib opens no descriptors
            before = os.fstat(descriptor)
            _require_small_file(path, before, bytes_max)
            content = file.read(bytes_max + 1)
            after = os.fstat(descriptor)
    except FileNotFoundError:
        if path.is_symlink():
            raise _no_file(path, "a link that leads nowhere") from None
        raise
    except OSError as error:
        raise BadInput(where=_shown(path), field="file", rule="must be readable", value=error.strerror) from None
    if len(content) != after.st_size or (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        rule = "must not change while it is read"
        raise StillWritten(where=_shown(path), field="file", rule=rule, value=f"{after.st_size} bytes")
    return content


def _require_small_file(path: Path, status: os.stat_result, bytes_max: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _no_file(path, _KINDS.get(stat.S_IFMT(status.st_mode), "something else"))
    if status.st_size > bytes_max:
        rule = f"must have at most {bytes_max} bytes"
        raise BadInput(where=_shown(path), field="file", rule=rule, value=status.st_size)


def _no_file(path: Path, found: str) -> BadInput:
    return BadInput(where=_shown(path), field="file", rule="must be a file", value=found)


def _shown(path: Path) -> str:
    """Return a name that can be written down, also where it is not in UTF-8."""
    return os.fsencode(path).decode(errors="backslashreplace")
