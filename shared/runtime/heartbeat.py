"""`python -m shared.runtime.heartbeat SERVICE`: exit 0 if that process is alive (container health)."""

import sys
from pathlib import Path

from shared.clock import wall_now
from shared.settings import DeploymentSettings, load

HEARTBEAT_S_MAX = 15.0


def heartbeat_age_s(run_dir: Path, name: str) -> float | None:
    """Return the seconds since a process's last heartbeat, or None if it never had one.

    A heartbeat that lies ahead was before the machine's clock was set back, nobody can say how long: it counts by how
    far off it is.
    """
    try:
        return abs(wall_now().timestamp() - (run_dir / f"{name}.alive").stat().st_mtime)
    except OSError:
        return None


def main() -> None:
    """Exit 0 where the named process is alive."""
    age_s = heartbeat_age_s(load(DeploymentSettings).run_dir, sys.argv[1])
    sys.exit(0 if age_s is not None and age_s < HEARTBEAT_S_MAX else f"no heartbeat of {sys.argv[1]}: {age_s} s")


if __name__ == "__main__":
    main()
