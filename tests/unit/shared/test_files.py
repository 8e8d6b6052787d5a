"""Files that others put somewhere."""

from pathlib import Path

import pytest

from shared.errors import BadInput
from shared.files import StillWritten, read_file


def test_file_is_read_whole_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")

    assert read_file(path, bytes_max=5) == b"12345"
    with pytest.raises(BadInput, match="file must have at most 4 bytes, was 5"):
        read_file(path, bytes_max=4)


def test_file_that_is_gone_is_told_apart_from_a_link_to_nowhere(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("nowhere")

    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "gone", bytes_max=1)
    with pytest.raises(BadInput, match="must be a file, was 'a link that leads nowhere'"):
        read_file(link, bytes_max=1)


def test_file_whose_size_is_not_what_was_read_is_still_written() -> None:
    # The kernel's own files have no size before they are read.
    with pytest.raises(StillWritten, match="must not change while it is read"):
        read_file(Path("/proc/version"), bytes_max=10_000)
