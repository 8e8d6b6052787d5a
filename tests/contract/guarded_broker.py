"""A Kafka broker that lets in only whom it knows: SASL_SSL with SCRAM-SHA-512, and a certificate made for the test."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cli.processes import Child, answers, free_port
from shared.clock import wall_now

START_S = 120.0
CLUSTER_ID = "sandan-guarded-0000000"
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=SASL_SSL://127.0.0.1:{port}
inter.broker.listener.name=SASL_SSL
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule \\
  required username="{user}" password="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.pem
log.dirs={folder}/kafka
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
"""


@dataclass(frozen=True)
class GuardedBroker:
    """Where it listens, whom it knows, and the file of who signed its certificate."""

    bootstrap_servers: str
    users: dict[str, str]
    ca_file: Path


@contextmanager
def guarded_broker(folder: Path, libraries: Path, users: dict[str, str]) -> Iterator[GuardedBroker]:
    """Run a broker that knows some users, by their passwords; the first is its own."""
    port, controller_port = free_port(), free_port()
    write_certificate(folder)
    user, password = next(iter(users.items()))
    places = {"port": port, "controller_port": controller_port, "folder": folder, "user": user, "password": password}
    properties = folder / "server.properties"
    properties.write_text(PROPERTIES.format(**places))
    java = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{libraries}/*"]
    known = [f"--add-scram=SCRAM-SHA-512=[name={name},password={word}]" for name, word in users.items()]
    tool = [*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties), *known]
    subprocess.run(tool, check=True, capture_output=True)
    child = Child("guarded", [*java, "kafka.Kafka", str(properties)], {}, folder / "kafka.log")
    child.start()
    try:
        assert answers("127.0.0.1", port, within_s=START_S), child.last_words()
        yield GuardedBroker(f"127.0.0.1:{port}", users, folder / "ca.pem")
    finally:
        child.stop()


def write_certificate(folder: Path) -> None:
    """Write a certificate that signs itself, `ca.pem`, and with its key for the broker, `broker.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandan test broker")])
    now = wall_now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    formats = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(certificate)
    (folder / "broker.pem").write_bytes(key.private_bytes(*formats) + certificate)
