"""What every verb shares: JSON on stdout, messages on stderr, exit 0 done, 1 wrong answer, 2 bad input."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from shared.errors import BadInput

EXIT_WRONG_ANSWER = 1
EXIT_BAD_INPUT = 2

Pretty = Annotated[bool, typer.Option("--pretty", help="Indent the JSON for people. / 사람이 읽기 좋게 들여쓰기.")]


def print_answer(answer: Mapping[str, object], *, pretty: bool) -> None:
    """Print the verb's one JSON object on stdout."""
    indent = 2 if pretty else None
    sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=indent, allow_nan=False) + "\n")


def read_text(path: Path) -> str:
    """Read a UTF-8 text file a person named (a byte-order mark is fine)."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise BadInput(where=str(path), field="file", rule="must exist", value="no such file") from None
    except UnicodeDecodeError as error:
        raise BadInput(where=str(path), field="file", rule="must be UTF-8 text", value=f"byte {error.start}") from None
    except OSError as error:
        raise BadInput(where=str(path), field="file", rule="must be readable", value=error.strerror) from None


@contextmanager
def writing(*paths: Path | None) -> Iterator[dict[Path, Path]]:
    """Let a verb write all of its files or none: yields a temporary path for each, moved over on success."""
    wanted = [path for path in paths if path is not None]
    temporary: dict[Path, Path] = {}
    try:
        for path in wanted:
            try:
                handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            except OSError as error:
                rule = "must be in a folder that can be written"
                raise BadInput(where=str(path), field="file", rule=rule, value=error.strerror) from None
            os.close(handle)
            temporary[path] = Path(name)
        yield temporary
        for path, draft in temporary.items():
            draft.chmod(0o644)
            draft.replace(path)
    finally:
        for draft in temporary.values():
            draft.unlink(missing_ok=True)
