"""What callers may cost: calls a second, calls at work, live connections, refusals a minute."""

import asyncio
import ipaddress
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from limits import RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter
from starlette.requests import Request

from services.trading_api.http.problems import Problem, unavailable
from services.trading_api.http.state import ApiOptions
from services.trading_api.roles import Principal
from shared.clock import wall_now

# A household or a firm is given this much of IPv6 at the least, so its addresses count as one.
IPV6_PREFIX = 64
CREDENTIALS_REMEMBERED = 10_000
STREAM_RETRY_S = 10
# Of the 40 threads that the web framework has; the rest is for what is not a call: the live stream, pages, health.
PLACES = 30
# A call that finds no place for so long is told to come again; it has done nothing.
WAIT_S = 2.0


class Quotas:
    """How many calls each account has left in the present second."""

    def __init__(self, *, writes_per_s: int, reads_per_s: int) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._writes = RateLimitItemPerSecond(writes_per_s)
        self._reads = RateLimitItemPerSecond(reads_per_s)

    def spend(self, account: str, *, writes: bool) -> dict[str, str]:
        """Count a call and return the headers that say what is left.

        Raises:
            Problem: Nothing is left.
        """
        item = self._writes if writes else self._reads
        name = "write" if writes else "read"
        granted = self._limiter.hit(item, name, account)
        window = self._limiter.get_window_stats(item, name, account)
        headers = {
            "RateLimit-Limit": str(item.amount),
            "RateLimit-Remaining": str(max(0, window.remaining)),
            "RateLimit-Reset": "1",
        }
        if not granted:
            raise Problem("too_many_requests", headers={**headers, "Retry-After": "1"}, limit=item.amount)
        return headers


class Refusals:
    """How often an address was refused or signed in within the present minute.

    Beyond the limit it is answered without a look at the database. Credentials that were let in lately still pass, so
    that nobody locks out others of the same address.
    """

    def __init__(self, *, refusals_per_min: int, sign_ins_per_min: int) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._refusals = RateLimitItemPerMinute(refusals_per_min)
        self._sign_ins = RateLimitItemPerMinute(sign_ins_per_min)
        self._let_in: OrderedDict[str, None] = OrderedDict()

    def check(self, request: Request, credential: str | None) -> None:
        """Refuse whoever was refused too often, unless the credential (its hash) is known.

        Raises:
            Problem: The address has no refusals left.
        """
        if credential not in self._let_in and not self._limiter.test(self._refusals, "refused", _network(request)):
            raise self._problem(self._refusals, "refused", request)

    def let_in(self, credential: str | None) -> None:
        """Remember a credential (its hash) that was let in."""
        if credential is not None:
            self._let_in[credential] = None
            self._let_in.move_to_end(credential)
            if len(self._let_in) > CREDENTIALS_REMEMBERED:
                self._let_in.popitem(last=False)

    def refused(self, request: Request, credential: str | None = None) -> None:
        """Count a refusal; what was known of the credential is forgotten."""
        self._let_in.pop(credential or "", None)
        self._limiter.hit(self._refusals, "refused", _network(request))

    def sign_in(self, request: Request) -> None:
        """Count a try to sign in.

        Raises:
            Problem: The address has no tries, or no refusals left.
        """
        self.check(request, None)
        if not self._limiter.hit(self._sign_ins, "signs-in", _network(request)):
            raise self._problem(self._sign_ins, "signs-in", request)

    def _problem(self, item: RateLimitItemPerMinute, name: str, request: Request) -> Problem:
        ends_at_s = self._limiter.get_window_stats(item, name, _network(request)).reset_time
        wait_s = max(1, round(ends_at_s - wall_now().timestamp()))
        return Problem("too_many_refusals", headers={"Retry-After": str(wait_s)}, limit=item.amount)


class Streams:
    """How many live connections each key, and each participant over all its keys, has open."""

    def __init__(self, *, per_key: int, per_participant: int) -> None:
        self._per_key = per_key
        self._per_participant = per_participant
        self._open: Counter[tuple[str, str, str]] = Counter()

    @contextmanager
    def place(self, caller: Principal) -> Iterator[None]:
        """Hold one of the caller's places.

        Raises:
            Problem: None is free.
        """
        holders = {("key", caller.complex_id, caller.key_id): self._per_key}
        if caller.participant_id is not None:
            holders["participant", caller.complex_id, caller.participant_id] = self._per_participant
        for holder, most in holders.items():
            if self._open[holder] >= most:
                raise Problem("too_many_streams", headers={"Retry-After": str(STREAM_RETRY_S)}, limit=most)
        self._open.update(holders.keys())
        try:
            yield
        finally:
            self._open.subtract(holders.keys())
            self._open += Counter()  # drops those that hold nothing


class Places:
    """How many calls are at work: what waits for a hung database must not take all threads there are."""

    def __init__(self, places: int = PLACES, wait_s: float = WAIT_S) -> None:
        self._free = asyncio.Semaphore(places)
        self._wait_s = wait_s

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Hold a place.

        Raises:
            Problem: None became free in time.
        """
        try:
            await asyncio.wait_for(self._free.acquire(), self._wait_s)
        except TimeoutError:
            raise unavailable() from None
        try:
            yield
        finally:
            self._free.release()


class Limits:
    """All of them, as an application's options say."""

    def __init__(self, options: ApiOptions) -> None:
        self.quotas = Quotas(writes_per_s=options.writes_per_s, reads_per_s=options.reads_per_s)
        self.refusals = Refusals(refusals_per_min=options.refusals_per_min, sign_ins_per_min=options.sign_ins_per_min)
        self.streams = Streams(per_key=options.streams_per_key, per_participant=options.streams_per_participant)
        self.places = Places()


def limits_of(request: Request) -> Limits:
    """Return the limits of the app that a request came to."""
    limits: Limits = request.app.state.limits
    return limits


def _network(request: Request) -> str:
    """Return what counts as the caller's address."""
    host = request.client.host if request.client is not None else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 6:  # noqa: PLR2004 -- IPv6
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return host
