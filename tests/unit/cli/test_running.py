import subprocess
import sys
from pathlib import Path

from cli.running import Began, Running, began, forget_running, process, running_in, this_process, write_running

THIS = this_process()


def a_running(**changes: object) -> Running:
    return Running(**{"supervisor": THIS, "console": "http://127.0.0.1:1/", **changes})  # type: ignore[arg-type] # fields


def test_what_runs_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = a_running(broker="tansu", ready=True, processes={"market": THIS})

    write_running(tmp_path, written)

    assert running_in(tmp_path) == written
    forget_running(tmp_path)
    assert running_in(tmp_path) is None


def test_process_with_the_same_id_that_began_at_another_time_is_another_one(tmp_path: Path) -> None:
    write_running(tmp_path, a_running(supervisor=Began(THIS.pid, "another boot/1")))

    assert running_in(tmp_path) is None


def test_process_that_outlived_its_supervisor_is_found(tmp_path: Path) -> None:
    gone = Began(THIS.pid, "another boot/1")
    write_running(tmp_path, a_running(supervisor=gone, processes={"market": THIS, "fems": gone}))

    found = running_in(tmp_path)

    assert found is not None
    assert found.left() == {"market": THIS}


def test_child_that_is_not_written_down_is_found_through_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        left = a_running().left()
        wanted = process(child.pid)
        child.communicate(b"\n")

    assert wanted is not None
    assert left[f"child {child.pid}"] == wanted


def test_process_that_has_ended_and_was_not_reaped_runs_no_more() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read()
        while began(child.pid) is not None:
            continue
        assert process(child.pid) is None


def test_file_that_is_no_note_of_a_supervisor_is_none(tmp_path: Path) -> None:
    for text in (
        "",
        "[]",
        "{}",
        '{"pid": 1, "processes": {"market": 2}}',
        '{"supervisor": {"pid": 1}, "processes": {}}',
    ):
        (tmp_path / "running.json").write_text(text)

        assert running_in(tmp_path) is None
