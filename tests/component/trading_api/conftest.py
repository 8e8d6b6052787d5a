"""The trading API's bench and its callers; modules about other services have benches of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.component.trading_api.trading_api_bench import ApiBench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ApiBench]:
    bench = ApiBench(tmp_path)
    yield bench
    bench.close()


@pytest.fixture
def operator(bench: ApiBench) -> Iterator[TestClient]:
    with bench.client("operator") as client:
        yield client


@pytest.fixture
def hanbit(bench: ApiBench) -> Iterator[TestClient]:
    with bench.client("hanbit") as client:
        yield client


@pytest.fixture
def seojin(bench: ApiBench) -> Iterator[TestClient]:
    with bench.client("seojin") as client:
        yield client
