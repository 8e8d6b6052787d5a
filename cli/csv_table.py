"""CSV files that people wrote: columns by name, and every broken rule with its row, field and value."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cli.output import read_text
from shared.errors import BadInput, BadInputs, did_you_mean

_PROBLEMS_SHOWN = 20
# Where one of these is, the exact reader has to look.
_NOT_PLAIN = ('"', "\r", "\t", ", ", " ,", "\n ", " \n", "\n\n")


class CsvTable:
    """The columns of one file, and the problems found in it so far.

    Args:
        path: Where it was read, for messages.
        columns: Texts by column name, a row at the same position in each.
        rows: The row's number in the file for each position, from 1, header and blank lines not counted.
        lines: The line in the file for each position.
        problems: Broken rules with the number of their row.
    """

    def __init__(
        self,
        path: Path,
        columns: Mapping[str, Sequence[str]],
        *,
        rows: Sequence[int],
        lines: Sequence[int],
        problems: Iterable[tuple[int, BadInput]] = (),
    ) -> None:
        self.path = path
        self.columns = columns
        self._rows = rows
        self._lines = lines
        self._problems = list(problems)

    def refuse(self, field: str, broken: Iterable[tuple[int, str]]) -> None:
        """Note rules that rows break in one field, as (position, rule)."""
        for position, rule in broken:
            self._problems.append((self._rows[position], self.problem(field, position, rule)))

    def problem(self, field: str, position: int, rule: str, hint: str = "") -> BadInput:
        """Return what says that a row breaks a rule in one field."""
        where = _where(self.path, self._rows[position], self._lines[position])
        return BadInput(where=where, field=field, rule=rule, value=self.columns[field][position], hint=hint)

    def refuse_blank(self, field: str) -> None:
        """Note the rows that leave a field blank."""
        texts = self.columns[field]
        if not all(map(str.strip, texts)):
            self.refuse(field, ((row, "must not be blank") for row, text in enumerate(texts) if not text.strip()))

    def refuse_repeated(self, field: str) -> None:
        """Note the rows that repeat what an earlier row has in a field."""
        texts = self.columns[field]
        if len(set(texts)) == len(texts):
            return
        often = {text for text, times in Counter(texts).items() if times > 1 and text.strip()}
        first: dict[str, int] = {}
        repeated = []
        for position, text in enumerate(texts):
            if text in often and first.setdefault(text, position) != position:
                repeated.append((position, f"must be unique (row {self._rows[first[text]]} has it too)"))
        self.refuse(field, repeated)

    def close(self) -> None:
        """End the reading: raise what was found, the first twenty by row.

        Raises:
            BadInputs: There are problems.
        """
        if self._problems:
            self._problems.sort(key=lambda problem: problem[0])
            raise BadInputs(problem for _, problem in self._problems[:_PROBLEMS_SHOWN])


def read_table(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> CsvTable:
    """Read a CSV file with a header; columns may stand in any order, blank lines are passed over.

    Blanks around a field are no part of it. A row with too few or too many fields is noted, and is in no column.

    Raises:
        BadInput: The file is no CSV, or its header is not there or not right.
    """
    text = _read_rows(path)
    return _read_plain(path, text, required, optional) or _read_quoted(path, text, required, optional)


def _read_rows(path: Path) -> str:
    text = read_text(path)
    if "\0" in text:
        where = f"{path} line {text.count(chr(10), 0, text.index(chr(0))) + 1}"
        raise BadInput(where=where, field="row", rule="must be text", value="a NUL character")
    return text


def _read_plain(path: Path, text: str, required: Sequence[str], optional: Sequence[str]) -> CsvTable | None:
    """Read a file with nothing quoted, padded or missing by two splits, five times as fast; None for any other."""
    text = text.replace("\r\n", "\n").removesuffix("\n")
    if not text or text != text.strip() or any(mark in text for mark in _NOT_PLAIN):
        return None
    lines = text.split("\n")
    header = lines[0].split(",")
    if len(header) == 1 or {line.count(",") for line in lines} != {len(header) - 1}:
        return None
    _check_header(path, header, required, optional)
    fields = ",".join(lines[1:]).split(",") if len(lines) > 1 else []
    columns = {name: fields[position :: len(header)] for position, name in enumerate(header)}
    return CsvTable(path, columns, rows=range(1, len(lines)), lines=range(2, len(lines) + 1))


def _read_quoted(path: Path, text: str, required: Sequence[str], optional: Sequence[str]) -> CsvTable:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    try:
        numbered = [([field.strip() for field in row], reader.line_num) for row in reader]
    except csv.Error as error:
        where = f"{path} line {reader.line_num}"
        raise BadInput(where=where, field="row", rule="must be CSV", value=str(error)) from None
    numbered = [(row, line) for row, line in numbered if row not in ([], [""])]
    header = numbered[0][0] if numbered else []
    _check_header(path, header, required, optional)
    body, rows, lines, problems = [], [], [], []
    for number, (row, line) in enumerate(numbered[1:], start=1):
        if len(row) == len(header):
            body.append(row)
            rows.append(number)
            lines.append(line)
        else:
            problems.append((number, _wrong_length(_where(path, number, line), row, header)))
    columns = zip(*body, strict=True) if body else [()] * len(header)
    return CsvTable(path, dict(zip(header, columns, strict=True)), rows=rows, lines=lines, problems=problems)


def _check_header(path: Path, header: Sequence[str], required: Sequence[str], optional: Sequence[str]) -> None:
    wanted = ",".join(required) + "".join(f"[,{name}]" for name in optional)
    columns = ",".join(header) or "nothing"
    missing = [name for name in required if name not in header]
    unknown = [name for name in header if name not in {*required, *optional}]
    if missing or unknown or len(set(header)) < len(header):
        rule = f"must be {wanted}" + (f", {missing[0]} is missing" if missing else "")
        # An unknown column that is like a missing one is the missing one with a slip of the pen.
        hints = (did_you_mean(name, missing or [*required, *optional]) for name in unknown)
        hint = next(filter(None, hints), "")
        raise BadInput(where=f"{path} line 1", field="header", rule=rule, value=columns, hint=hint)


def _wrong_length(where: str, row: Sequence[str], header: Sequence[str]) -> BadInput:
    field = header[len(row)] if len(row) < len(header) else "row"
    rule = f"must be there: a row has {len(header)} fields, this one {len(row)}"
    rule = rule if len(row) < len(header) else f"must have {len(header)} fields"
    return BadInput(where=where, field=field, rule=rule, value=",".join(row))


def _where(path: Path, row: int, line: int) -> str:
    return f"{path} row {row} (line {line})"
