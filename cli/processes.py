"""Child processes: started with a log file each, watched, restarted, and gone when their parent is."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from shared.clock import monotonic_s, pause
from shared.errors import BadInput

STOP_WAIT_S = 10.0
_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One child process and how to start it again."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log_file: Path
    restarts: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        """Return its process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """Return how it ended, or None while it runs or was never started."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it; what it writes goes to the log file."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the parent alone, which stops its children in order
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 -- no threads yet
            )

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, wait_s: float = STOP_WAIT_S) -> None:
        """Ask it to stop, and end it when it takes too long."""
        self.ask_to_stop()
        if self._process is not None:
            try:
                self._process.wait(wait_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def last_words(self, lines: int = 3) -> str:
        """Return the end of its log, for the message to the person who started it."""
        try:
            return "\n".join(self.log_file.read_text(errors="replace").strip().splitlines()[-lines:])
        except OSError:
            return ""


def free_port() -> int:
    """Return a TCP port that nothing listens on at this moment."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def require_free_port(port: int, *, setting: str) -> None:
    """Refuse a port that is taken, naming the setting that chose it."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise BadInput(
                where="command line",
                field=setting,
                rule="must be a port that is free on 127.0.0.1",
                value=port,
                hint=f"{error.strerror}; choose another with {setting}",
            ) from None


def answers(host: str, port: int, *, within_s: float) -> bool:
    """Say whether something accepts TCP connections at an address, trying for some seconds."""
    give_up_at = monotonic_s() + within_s
    while True:
        try:
            with closing(socket.create_connection((host, port), timeout=1)):
                return True
        except OSError:
            if monotonic_s() >= give_up_at:
                return False
            pause(0.1)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
