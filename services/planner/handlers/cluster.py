"""Dask: where a study's sites are evaluated. Nothing else in the planner knows it."""

import socket
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from services.planner.domain.scenarios import Outcome, Scenario
from services.planner.domain.sites import SiteDay

CONNECT_WAIT_S = 5.0
# Of an outside scheduler.
ADDRESS_PATTERN = r"^(tcp|tls)://[^\s:/]+:[0-9]{1,5}$"
GONE = "the cluster went away"
LOOPBACK = "127.0.0.1:0"
NO_ROUTES: dict[str, list[str]] = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
# Dask's own handlers would write lines that are no JSON; without them its warnings go where all others go.
LOGGED_LIKE_OURS = {
    "logging": {
        "version": 1,
        "disable_existing_loggers": False,
        "loggers": {"distributed": {"level": "WARNING"}},
    }
}
ONE_THREAD = {"n_workers": 1, "threads_per_worker": 1, "processes": False}


class WorkLost(Exception):  # noqa: N818 -- it says what happened
    """The cluster went away with the work; it has to be given again."""


@dataclass(frozen=True)
class Work:
    """A site that is being evaluated."""

    future: Any

    @property
    def is_done(self) -> bool:
        """Say whether there is an outcome, or will never be one."""
        return bool(self.future.status != "pending")

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return the outcomes, waiting until they are there.

        Raises:
            WorkLost: The cluster went away.
            Exception: Whatever the evaluation raised.
        """
        if self.future.status in ("cancelled", "lost"):
            raise WorkLost(GONE)
        try:
            found: tuple[Outcome, ...] = self.future.result()
        except CancelledError:
            raise WorkLost(GONE) from None
        return found

    def drop(self) -> None:
        """Say that nobody waits for it any more."""
        self.future.cancel()


class Cluster:
    """A Dask cluster, begun when it is first needed: an outside scheduler's, or a worker thread in this process.

    One thread, because the optimizer's compiled shapes are shared in a process, and a study may take its time.
    """

    def __init__(self, scheduler: str | None = None, *, connect_wait_s: float = CONNECT_WAIT_S) -> None:
        self._scheduler = scheduler
        self._connect_wait_s = connect_wait_s
        self._local: Any = None
        self._client: Any = None

    def submit(self, site: SiteDay, scenarios: Sequence[Scenario]) -> Work:
        """Begin to evaluate a site.

        Raises:
            OSError: The outside scheduler does not answer.
        """
        # The optimizer, like Dask, is a second of imports that a planner without studies need not spend.
        from services.planner.domain.evaluation import evaluate

        return Work(self._connected().submit(evaluate, site, tuple(scenarios), pure=False))

    def close(self) -> None:
        """Let go of the workers; work in progress is lost."""
        for one in (self._client, self._local):
            if one is not None:
                one.close()
        self._client = self._local = None

    def _connected(self) -> Any:
        if self._client is None:
            import dask

            dask.config.set(LOGGED_LIKE_OURS)
            self._require_listener()
            from distributed import Client, LocalCluster

            if self._scheduler is None:
                # Dask opens HTTP servers even with its dashboard off; these are empty and seen by this machine alone.
                with dask.config.set(NO_ROUTES):
                    self._local = LocalCluster(  # type: ignore[no-untyped-call] # Dask's types are partial
                        **ONE_THREAD,
                        memory_limit=0,
                        scheduler_kwargs={"dashboard": False, "dashboard_address": LOOPBACK},
                        worker_dashboard_address=LOOPBACK,
                    )
            self._client = Client(  # type: ignore[no-untyped-call] # Dask's types are partial
                self._local or self._scheduler, timeout=self._connect_wait_s, set_as_default=False
            )
        return self._client

    def _require_listener(self) -> None:
        """Knock first: a client that finds no scheduler leaves a thread and its descriptors behind, at every try."""
        if self._scheduler is not None:
            address = urlsplit(self._scheduler)
            socket.create_connection((address.hostname or "", address.port or 0), timeout=self._connect_wait_s).close()
