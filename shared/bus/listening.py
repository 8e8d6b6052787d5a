"""Whether anything listens where a cluster is said to be: told at once, where a client would try for seconds."""

import socket

from shared.bus.port import BusUnavailable

PROBE_TIMEOUT_S = 1.0


def require_listener(servers: str) -> None:
    """Pass where one of the addresses "host:port,host:port" accepts connections.

    Raises:
        BusUnavailable: None does.
    """
    reasons = []
    for server in servers.split(","):
        host, _, port = server.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=PROBE_TIMEOUT_S).close()
        except OSError as error:
            reasons.append(str(error))
        else:
            return
    raise BusUnavailable(f"no Kafka broker at {servers}: {'; '.join(reasons)}")
