"""Calls of a running system's trading API, as whoever a key stands for."""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

ANSWER_WAIT_S = 30.0


class ApiSilent(Exception):  # noqa: N818 -- it says what happened
    """The trading API is busy, starting again, or gone."""


class ApiRefused(Exception):  # noqa: N818 -- it says what happened
    """The trading API says no.

    Attributes:
        status: The HTTP status.
        code: The problem's code.
        detail: Its sentence, with the first field at fault.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status, self.code, self.detail = status, code, detail


def call(console_url: str, key: str, method: str, path: str, body: object = None) -> Any:
    """Return the answer's JSON.

    Raises:
        ApiSilent: There is none that could be read, or not just now.
        ApiRefused: It is a problem.
    """
    request = urllib.request.Request(  # noqa: S310 -- our own address
        f"{console_url}api/v1/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_WAIT_S) as answer:  # noqa: S310 -- as above
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ApiSilent(str(error)) from None


def _refusal(error: urllib.error.HTTPError) -> ApiSilent | ApiRefused:
    if error.code >= http.client.INTERNAL_SERVER_ERROR or error.code == http.client.TOO_MANY_REQUESTS:
        return ApiSilent(f"HTTP {error.code}")
    try:
        problem = json.load(error)
        detail = str(problem["detail"])
        for fault in problem.get("errors") or ():
            detail += f" ({fault['field']} {fault['rule']}: {fault['value']})"
        return ApiRefused(error.code, str(problem["code"]), detail)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return ApiSilent(f"HTTP {error.code}")
