import asyncio
import random

import anyio
import sqlalchemy as sa

from services.trading_api.live.feed import Feed
from shared.clock import WallClock
from shared.complex.complexes import Complexes

# Dead after about 20 departures, while those who left shared a lock with those who stayed.
DEPARTURES = 200
FOREVER_S = 20


def test_clients_that_leave_while_they_wait_keep_nobody_from_hearing() -> None:
    chance = random.Random(1)  # noqa: S311 -- it decides when clients leave
    feed = Feed(sa.create_engine("sqlite://"), Complexes(), WallClock())

    async def client() -> None:
        with anyio.CancelScope() as scope:
            asyncio.get_running_loop().call_later(chance.uniform(0.001, 0.1), scope.cancel)
            while True:
                await feed.news(0.02)

    async def teller() -> None:
        while True:
            await feed._tell()
            await asyncio.sleep(0.002)

    async def come_and_go() -> None:
        telling = asyncio.create_task(teller())
        for _ in range(DEPARTURES // 20):
            await asyncio.gather(*(client() for _ in range(20)))
        hearing = asyncio.create_task(feed.news(2 * FOREVER_S))
        heard, _ = await asyncio.wait({hearing}, timeout=FOREVER_S)
        telling.cancel()
        assert heard

    asyncio.run(come_and_go())
