"""`sandan compose` and `sandan topics`: what docker-compose.yml needs beside the images."""

import json
import secrets
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from cli.output import Pretty, print_answer
from shared.errors import BadInput
from shared.paths import ROOT

SIMULATOR_HOST, SIMULATOR_PORT = "simulator", 15_502
TOPICS_WAIT_S = 600.0


def compose(
    folder: Annotated[Path, typer.Option(help="Where to write; docker-compose.yml mounts it. / 설정 폴더.")] = ROOT
    / "var/compose",
    day: Annotated[str | None, typer.Option(help="Run this Korean day on a simulated clock. / 거래일.")] = None,
    speed: Annotated[float, typer.Option(min=1, max=3600, help="Simulated seconds a second. / 배속.")] = 60,
    *,
    pretty: Pretty = False,
) -> None:
    """Write the configuration that docker-compose.yml mounts: complex, history, keys, passwords. / 컴포즈 설정 작성.

    The answer's `next` is the command that then starts the containers. / 결과의 `next`가 컨테이너를 시작하는
    명령입니다.

    Example: sandan compose --folder compose --day 2026-05-20 --speed 300
    """
    from cli.demo_start import WARM_UP
    from cli.prepare import write_demo_complex, write_history, write_keys
    from shared.clock import Pace, wall_now, write_pace
    from shared.events.topics import SERVICES
    from shared.intervals import day_start

    try:
        until = wall_now() if day is None else day_start(date.fromisoformat(day)) - WARM_UP
    except ValueError:
        raise BadInput(where="command line", field="--day", rule="must be YYYY-MM-DD", value=day) from None
    folder.mkdir(parents=True, exist_ok=True)
    poll_interval_s = 10 if day is None else max(10, min(900, round(speed)))
    complex_ = write_demo_complex(
        folder / "complex.yaml",
        factories=12,
        host=SIMULATOR_HOST,
        port_of=lambda number: SIMULATOR_PORT + number,
        poll_interval_s=poll_interval_s,
    )
    write_history(folder / "history.parquet", [complex_], until=until)
    write_keys(folder / "keys.json", [complex_])
    # The containers' own user reads it through the mount; the folder itself is for its owner alone.
    (folder / "keys.json").chmod(0o644)
    folder.chmod(0o755)
    clock_file = folder / "clock.json"
    clock_file.unlink(missing_ok=True)
    passwords = _passwords(folder / ".env")
    _write_logins(folder / "private", {one: passwords[password_name(one)] for one in SERVICES})
    settings = {**passwords, "COMPOSE_CONFIG_DIR": str(folder.resolve())}
    if day is not None:
        write_pace(clock_file, Pace(start=until, speed=speed, epoch=None))
        settings["COMPOSE_CLOCK_FILE"] = "/config/clock.json"
    (folder / ".env").touch(mode=0o600)
    (folder / ".env").chmod(0o600)
    (folder / ".env").write_text("".join(f"{name}={text}\n" for name, text in settings.items()))
    next_ = f"docker-compose --env-file {folder / '.env'} up --build"
    print_answer({"folder": str(folder), "next": next_}, pretty=pretty)


def topics(
    wait_s: Annotated[
        float, typer.Option("--wait", min=0, help="Seconds to wait for the broker. / 브로커 대기 시간(초).")
    ] = TOPICS_WAIT_S,
    *,
    pretty: Pretty = False,
) -> None:
    """Create the topics that the cluster lacks, and check the others: partitions, copies. / 토픽을 만들고 점검합니다.

    Needs the broker that KAFKA_BOOTSTRAP_SERVERS names. / KAFKA_BOOTSTRAP_SERVERS가 가리키는 브로커가 필요합니다.

    Example: sandan topics --wait 60
    """
    from cli.brokers import topics_unfit
    from cli.starting import StartWait
    from shared.bus.entry import OPERATOR, entry_of
    from shared.bus.kafka.bus import KafkaBus
    from shared.bus.layout import TopicsUnfit, layout_of
    from shared.bus.port import BusRefused, BusUnavailable
    from shared.events.topics import PARTITIONS, TOPICS
    from shared.settings import DeploymentSettings, load

    settings = load(DeploymentSettings)
    servers = settings.kafka_bootstrap_servers
    created: list[str] = []
    faults: list[str] = []

    def done() -> bool:
        try:
            created.extend(KafkaBus(servers, layout_of(settings), entry_of(settings, OPERATOR)).create_topics())
        except BusUnavailable as fault:
            faults[:] = [str(fault)]
            return False
        except TopicsUnfit as unfit:
            raise topics_unfit(servers, unfit) from None
        except BusRefused as error:
            rule = "must name a Kafka broker that lets us in"
            raise BadInput(
                where="environment", field="KAFKA_BOOTSTRAP_SERVERS", rule=rule, value=servers, hint=str(error)
            ) from None
        return True

    def say(message: str) -> None:
        sys.stderr.write(f"{message}\n")

    if not StartWait(wait_s).until(done, say, lambda: f"the broker at {servers}"):
        where, field, rule = "environment", "KAFKA_BOOTSTRAP_SERVERS", "must name a Kafka broker that answers"
        raise BadInput(where=where, field=field, rule=rule, value=servers, hint=faults[0])
    print_answer(
        {"created": created, "topics": len(TOPICS), "partitions": PARTITIONS, "prefix": settings.topic_prefix},
        pretty=pretty,
    )


def password_name(service: str) -> str:
    """Return the variable of docker-compose.yml that has the password of a service's login."""
    return f"{service.upper()}_DATABASE_PASSWORD"


def _passwords(path: Path) -> dict[str, str]:
    """Return the passwords of the database's owner and of each service; those of an earlier call stay.

    The database keeps the owner's that it was made with.
    """
    from shared.events.topics import SERVICES

    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = dict(line.split("=", 1) for line in lines if "=" in line)
    names = ("POSTGRES_PASSWORD", *map(password_name, SERVICES))
    return {name: kept.get(name) or secrets.token_urlsafe(24) for name in names}


def _write_logins(folder: Path, passwords: Mapping[str, str]) -> None:
    """Write the logins that `sandan migrate --logins` makes, where no container but the one that makes them looks."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    # The container's own user reads the file, which is mounted alone.
    (folder / "logins.json").write_text(json.dumps(dict(passwords)), encoding="utf-8")
    (folder / "logins.json").chmod(0o644)
