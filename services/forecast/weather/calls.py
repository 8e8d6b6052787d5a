"""Ask a web service for JSON, and say in one line what was wrong with its answer."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import IO, Any

from services.forecast.weather.source import SourceFailed
from shared.clock import monotonic_s

BODY_BYTES_MAX = 16_000_000
PART_BYTES = 65_536
REASON_CHARACTERS_MAX = 200


def get_json(address: str, query: Mapping[str, str], timeout_s: float) -> Any:
    """Return a service's JSON answer.

    Raises:
        SourceFailed: It does not answer in time, answers with an error, or with something else. The address that holds
            the keys is never part of the message.
    """
    request = urllib.request.Request(  # noqa: S310 -- the settings hold the scheme to http and https
        f"{address}?{urllib.parse.urlencode(query)}", headers={"Accept": "application/json"}
    )
    deadline_s = monotonic_s() + timeout_s
    try:
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310 -- as above
                body = _read(answer, deadline_s)
        except urllib.error.HTTPError as error:
            with error:
                told = _cut(_read(error, deadline_s), query)
            raise SourceFailed(f"HTTP status {error.code}: {told}") from None
    except TimeoutError:
        raise SourceFailed(f"no answer within {timeout_s:g} s") from None
    except urllib.error.URLError as error:
        reason = f"no answer within {timeout_s:g} s" if isinstance(error.reason, TimeoutError) else str(error.reason)
        raise SourceFailed(f"could not be reached: {reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise SourceFailed(f"broke off: {type(error).__name__}") from None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise SourceFailed(f"the answer is not JSON: {_cut(body, query)}") from None


def _read(answer: IO[bytes], deadline_s: float) -> bytes:
    """Return a body; the timeout of a connection is for each of its parts, and there may be many."""
    body = bytearray()
    while part := answer.read1(PART_BYTES):  # type: ignore[attr-defined] # both answers have it
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise SourceFailed(f"the answer is longer than {BODY_BYTES_MAX} bytes")
        if monotonic_s() > deadline_s:
            raise TimeoutError
    return bytes(body)


def _cut(body: bytes, query: Mapping[str, str]) -> str:
    """Return the beginning of an answer as one line; a service may repeat what it was asked, keys and all."""
    text = " ".join(body[: REASON_CHARACTERS_MAX * 4].decode(errors="replace").split())
    for name, value in query.items():
        if "key" in name.lower() and value:
            for form in (value, urllib.parse.quote(value), urllib.parse.quote_plus(value)):
                text = text.replace(form, "***")
    return text[:REASON_CHARACTERS_MAX]
