"""Child processes: started with a log file each, started again when they end, and gone when their parent is."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cli.starting import Say
from shared.clock import monotonic_s, pause
from shared.errors import BadInput

STOP_WAIT_S = 10.0
KILL_WAIT_S = 5.0
# One that ended sooner than this after its start ended at once.
STEADY_S = 60.0
RESTART_WAIT_S_MAX = 15.0
# So often in a row a child may end at once before a day that depends on it is given up: about a minute.
ENDED_AT_ONCE_MAX = 8
# A log and the older part of it, each at most so long.
LOG_BYTES_MAX = 5_000_000
_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One child process and how to start it again.

    `elapsed_s` counts wall seconds from any beginning.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log_file: Path
    restarts: int = 0
    ended_at_once: int = 0
    elapsed_s: Callable[[], float] = field(default=monotonic_s, repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _began_s: float = field(default=0.0, repr=False)
    _again_at_s: float | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        """Return its process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """Return how it ended, or None while it runs or was never started."""
        return None if self._process is None else self._process.poll()

    @property
    def keeps_ending(self) -> bool:
        """Say whether it has ended at once so often in a row that it is not believed to come up any more."""
        steady = self.pid is not None and self.elapsed_s() - self._began_s >= STEADY_S
        return self.ended_at_once >= ENDED_AT_ONCE_MAX and not steady

    def start(self) -> None:
        """Start it; what it writes goes to the log file.

        Raises:
            OSError, subprocess.SubprocessError: The machine can't start it now.
        """
        self._began_s = self.elapsed_s()
        log = self._open_log()
        try:
            self._process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the parent alone, which stops its children in order
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 -- no threads yet
            )
        finally:
            if log != subprocess.DEVNULL:
                os.close(log)

    def keep_running(self, say: Say) -> bool:
        """Start it again where it ended on its own, and keep its log short; True where it was started just now.

        The restart path is the only recovery path. One that ends at once again and again waits longer each time, and
        nothing that goes wrong here reaches the caller: who watches many must not end because of one.
        """
        keep_short(self.log_file)
        code = self.exit_code
        if code is None:
            return False
        now_s = self.elapsed_s()
        if self._again_at_s is None:
            self._again_at_s = now_s + self._next_wait_s(now_s)
            wait_s = self._again_at_s - now_s
            when = f"in {wait_s:.0f} s" if wait_s else "now"
            say(f"{self.name} ended with code {code}; starting it again {when} (its log: {self.log_file})")
        if now_s < self._again_at_s:
            return False
        try:
            self.start()
        except (OSError, subprocess.SubprocessError) as fault:
            self._again_at_s = now_s + self._next_wait_s(now_s)
            say(f"{self.name} could not be started: {fault}; trying again in {self._again_at_s - now_s:.0f} s")
            return False
        self._again_at_s = None
        self.restarts += 1
        return True

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, wait_s: float = STOP_WAIT_S) -> None:
        """Ask it to stop, and end it when it takes too long."""
        stop_all([self], wait_s)

    def ended_within(self, wait_s: float) -> bool:
        """Wait for its end; say whether it came."""
        if self._process is not None:
            try:
                self._process.wait(wait_s)
            except subprocess.TimeoutExpired:
                return False
        return True

    def kill(self) -> None:
        """End it and what it has started itself at once (SIGKILL)."""
        if self._process is not None:
            if self._process.poll() is None:
                # Its session is its own, so its group is it and its children.
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self.ended_within(KILL_WAIT_S)

    def last_words(self, lines: int = 3) -> str:
        """Return the end of its log, for the message to the person who started it."""
        try:
            return "\n".join(self.log_file.read_text(errors="replace").strip().splitlines()[-lines:])
        except OSError:
            return ""

    def _open_log(self) -> int:
        """Return where it writes: its log, or nowhere while there can't be one."""
        try:
            self.log_file.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError:
            return subprocess.DEVNULL

    def _next_wait_s(self, now_s: float) -> float:
        """Count an end, and return how long the next start waits: not at all the first time, then longer and longer."""
        self.ended_at_once = self.ended_at_once + 1 if now_s - self._began_s < STEADY_S else 1
        return 0.0 if self.ended_at_once == 1 else min(2.0 ** (self.ended_at_once - 2), RESTART_WAIT_S_MAX)


def stop_all(children: Iterable[Child], wait_s: float = STOP_WAIT_S) -> None:
    """Ask some children to stop, together, and end those that take too long."""
    asked = list(children)
    for child in asked:
        child.ask_to_stop()
    give_up_at_s = monotonic_s() + wait_s
    for child in asked:
        if not child.ended_within(max(0.0, give_up_at_s - monotonic_s())):
            child.kill()


def keep_short(log_file: Path) -> None:
    """Make a log that has grown long its own older part, and begin it anew.

    Whoever writes it holds it open, at its end: it is copied and cut, not renamed. On a full disk the older part may be
    incomplete; the bound holds.
    """
    with suppress(OSError):
        if log_file.stat().st_size <= LOG_BYTES_MAX:
            return
        older = log_file.with_name(f"{log_file.name}.1")
        older.unlink(missing_ok=True)
        with suppress(OSError):
            shutil.copyfile(log_file, older)
        os.truncate(log_file, 0)


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
