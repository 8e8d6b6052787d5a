"""Find out who calls: by API key, by token, or by the console's cookie."""

from dataclasses import dataclass

from sqlalchemy.engine import Engine
from starlette.requests import Request

from services.trading_api.access import queries
from services.trading_api.access.tokens import Tokens
from services.trading_api.http.credentials import CONSOLE_HEADER, COOKIE, SAFE_METHODS, hash_of, token_in
from services.trading_api.roles import Principal
from shared.clock import Clock, wall_now
from shared.complex.complexes import Complexes
from shared.db.engine import reading

KEY_CHARACTERS_MAX = 200
# Room for the claims that providers add.
TOKEN_CHARACTERS_MAX = 4_096


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Whom the deployment knows: keys and sessions by its database, tokens by the provider's public keys."""

    engine: Engine
    complexes: Complexes
    clock: Clock
    tokens: Tokens | None = None

    def __call__(self, request: Request) -> Principal | None:
        """Return who calls: by API key or token in the header, or by the console's cookie where that is safe."""
        if "authorization" in request.headers:
            return self._known(self._bearer(token_in(request)))
        cookie = request.cookies.get(COOKIE)
        if cookie is None or (request.method not in SAFE_METHODS and CONSOLE_HEADER not in request.headers):
            return None
        with reading(self.engine) as db:
            return self._known(queries.principal_of_session(db, hash_of(cookie), wall=wall_now()))

    def _bearer(self, token: str) -> Principal | None:
        # No key is longer, and no token that claims all it must and is signed is shorter.
        if 0 < len(token) <= KEY_CHARACTERS_MAX:
            with reading(self.engine) as db:
                return queries.principal_of_key(db, hash_of(token))
        if self.tokens is None or not KEY_CHARACTERS_MAX < len(token) <= TOKEN_CHARACTERS_MAX:
            return None
        claims = self.tokens.claims_of(token, now=wall_now())
        if claims is None:
            return None
        with reading(self.engine) as db:
            revoked = queries.is_revoked(db, claims.complex_id, claims.jti)
        return None if revoked else claims.principal

    def _known(self, principal: Principal | None) -> Principal | None:
        """Drop whoever belongs to a complex or participant that the deployment no longer has."""
        if principal is None or principal.complex_id not in self.complexes:
            return None
        members = self.complexes.at(principal.complex_id, self.clock.shown()).by_participant
        return principal if principal.participant_id is None or principal.participant_id in members else None
