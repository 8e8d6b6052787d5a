import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app_with
from shared.complex.model import load_complex
from shared.errors import BadInput
from shared.paths import DEMO_COMPLEX

DEMO = load_complex(DEMO_COMPLEX)
FIRST = DEMO.participants[0].participant_id


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from cli.prepare import write_keys

    folder = tmp_path / "demo-8123"
    folder.mkdir()
    write_keys(folder / "keys.json", [DEMO])
    return folder


def shown(*arguments: str) -> list[dict[str, str]]:
    ran = CliRunner().invoke(app_with("keys"), ["keys", *arguments], catch_exceptions=False)
    keys: list[dict[str, str]] = json.loads(ran.stdout)["keys"]
    return keys


def test_all_keys_are_shown_with_their_links(folder: Path) -> None:
    keys = shown("--folder", str(folder))

    assert [key["role"] for key in keys] == ["operator", "planner", *["factory"] * len(DEMO.participants)]
    assert {key["link"] for key in keys} == {f"http://127.0.0.1:8123/#key={key['key']}" for key in keys}


def test_keys_of_a_role_or_a_factory_alone_are_shown_where_that_is_asked(folder: Path) -> None:
    assert [key["role"] for key in shown("--folder", str(folder), "--role", "planner")] == ["planner"]
    assert [key["participant_id"] for key in shown("--folder", str(folder), "--as", FIRST)] == [FIRST]


@pytest.mark.parametrize(
    ("arguments", "field", "hint"),
    [
        (("--role", "plannr"), "--role", "did you mean planner?"),
        (
            ("--as", DEMO.participants[0].participant_id[:-1]),
            "--as",
            f"did you mean {DEMO.participants[0].participant_id}?",
        ),
    ],
)
def test_unknown_roles_and_factories_are_refused_with_the_likely_one(
    folder: Path, arguments: tuple[str, ...], field: str, hint: str
) -> None:
    with pytest.raises(BadInput) as refused:
        shown("--folder", str(folder), *arguments)

    assert (refused.value.field, refused.value.hint) == (field, hint)


def test_a_folder_without_keys_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="must be a deployment's folder"):
        shown("--folder", str(tmp_path))
