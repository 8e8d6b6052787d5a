import pytest

from cli.starting import StartStopped, StartWait


def test_start_is_waited_for_as_long_as_it_takes_and_says_for_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.starting.SAY_EVERY_S", 0.0)
    monkeypatch.setattr("cli.starting.LOOK_EVERY_S", 0.0)
    said: list[str] = []
    left = list(range(200))

    came = StartWait().until(lambda: not left or left.pop() < 0, said.append, lambda: "the broker")

    assert came
    assert len(said) == 200
    assert said[0] == "waiting for the broker, for 0 s so far"


def test_start_that_takes_longer_than_a_person_allows_is_no_start() -> None:
    assert not StartWait(wait_s_max=0.0).until(lambda: False, print, lambda: "the broker")


def test_start_that_is_called_off_ends() -> None:
    wait = StartWait()
    wait.stop.set()

    with pytest.raises(StartStopped):
        wait.until(lambda: False, print, lambda: "the broker")
