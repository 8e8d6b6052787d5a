"""How long answers take, as the process shows it to Prometheus."""

from http import HTTPMethod

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.clock import monotonic_s
from shared.runtime.metrics import REQUEST_DURATION, Metrics

# What a stranger sends must not make a figure of its own.
METHODS = frozenset(HTTPMethod)
OTHER = "other"


class Timing:
    """Time each answer until it begins, as the live stream's never ends; plain ASGI, so that it is not held back."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its answer under its route."""
        begun_s = monotonic_s()

        async def send_timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.observe(
                    REQUEST_DURATION,
                    monotonic_s() - begun_s,
                    method=scope["method"] if scope["method"] in METHODS else OTHER,
                    route=getattr(scope.get("route"), "path", OTHER),
                    status=str(message["status"]),
                )
            await send(message)

        await self._app(scope, receive, send_timed)
