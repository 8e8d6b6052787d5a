"""What every verb shares: JSON on stdout, messages on stderr, exit 0 done, 1 wrong answer, 2 bad input."""

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from shared import strict_json
from shared.errors import BadInput

EXIT_WRONG_ANSWER = 1
EXIT_BAD_INPUT = 2
PLOT_SUFFIXES = (".png", ".svg")

Pretty = Annotated[bool, typer.Option("--pretty", help="Indent the JSON for people. / 사람이 읽기 좋게 들여쓰기.")]
Folder = Annotated[
    Path | None,
    typer.Option(
        help="A deployment's folder, such as var/demo-8000; without it: SANDAN_DATABASE_URL, or the newest."
        " / var/demo-8000 같은 배포 폴더. 없으면 SANDAN_DATABASE_URL 또는 가장 최근 폴더."
    ),
]
ComplexFile = Annotated[
    Path | None,
    typer.Option(
        "--complex",
        help="Complex file; without it: the folder's, else the demo's. / 산단 파일. 없으면 폴더의 것, 또는 데모 산단.",
    ),
]


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


def read_json(path: Path, *, exact: bool = False) -> Any:
    """Read a JSON file a person named; `exact` keeps each digit of a number with a point, as a Decimal.

    Raises:
        BadInput: It can't be read, or is no JSON that can be used.
    """
    return strict_json.parse(read_text(path), where=str(path), exact=exact)


def require_plot_name(plot: Path | None) -> None:
    """Refuse to draw into a file that is not named as a picture.

    Raises:
        BadInput: It has another ending.
    """
    if plot is not None and plot.suffix.lower() not in PLOT_SUFFIXES:
        rule = f"must end in {' or '.join(PLOT_SUFFIXES)}"
        raise BadInput(where="command line", field="--plot", rule=rule, value=str(plot))


def refuse_taken(inputs: Iterable[Path | None], outputs: Mapping[str, Path | None]) -> None:
    """Refuse to write a file that is read, or that another option names.

    Args:
        inputs: Files that the verb reads.
        outputs: Files that it writes, by their option.

    Raises:
        BadInput: An option names such a file.
    """
    taken = {path.resolve() for path in inputs if path is not None}
    for option, path in outputs.items():
        if path is None:
            continue
        if path.resolve() in taken:
            rule = "must be another file than those that are read and that other options name"
            raise BadInput(where="command line", field=option, rule=rule, value=str(path))
        taken.add(path.resolve())


@contextmanager
def writing(*paths: Path | None) -> Iterator[dict[Path, Path]]:
    """Let a verb write all of its files or none: yields a temporary path for each, moved over on success."""
    wanted = [path for path in paths if path is not None]
    temporary: dict[Path, Path] = {}
    try:
        for path in wanted:
            temporary[path] = _draft_of(path)
        yield temporary
        for path, draft in temporary.items():
            if _is_device(path):
                path.write_bytes(draft.read_bytes())
            else:
                draft.chmod(0o644)
                draft.replace(path.resolve())
    finally:
        for draft in temporary.values():
            draft.unlink(missing_ok=True)


def _draft_of(path: Path) -> Path:
    if path.is_dir():
        raise BadInput(where=str(path), field="file", rule="must be a file", value="a folder")
    folder = None if _is_device(path) else path.resolve().parent
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.")
    except OSError as error:
        rule = "must be in a folder that can be written"
        raise BadInput(where=str(path), field="file", rule=rule, value=error.strerror) from None
    os.close(handle)
    return Path(name)


def _is_device(path: Path) -> bool:
    """Say whether a path is something like /dev/null or a pipe, which is written to and never replaced."""
    return path.exists() and not path.is_file()
