"""Which shops there are, on Redis.

shops   hash, in the database of the URL: name to the shop as JSON
shop    string, in each shop's own database: its token

Making and deleting shops cuts off whoever is connected to their database, as only an administrator
of Redis may; whoever serves or works in a shop need not be one.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime

from redis.asyncio import Redis

from portrait.adapters.redis_common import readable, script, text, translated
from portrait.adapters.redis_damage import Damage
from portrait.adapters.redis_in_shop import MARK, SHOPS, client_of, read_shop
from portrait.adapters.redis_keys import keys_of
from portrait.shops.shop import Quotas, Shop
from portrait.shops.store import NoRoomForShopError, ShopExistsError, ShopNotFoundError

Args = list[str | int]
MOST_DATABASES = 10_000  # that are looked at, to find one that is empty


class RedisShops:
    """A `ShopStore`, on a connection to the database of the URL."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._base = int(redis.connection_pool.connection_kwargs.get("db") or 0)
        self._create = script(redis, "create_shop.lua")
        self._close = script(redis, "close_shop.lua")
        self._forget = script(redis, "forget_shop.lua")
        self._damage = Damage("shop")

    async def all(self) -> Sequence[Shop]:
        """Return every shop; a damaged one is none."""
        async with translated():
            stored = await self._redis.hgetall(SHOPS)
        found = {readable(name): read_shop(value) for name, value in stored.items()}
        self._damage.say([name for name, shop in found.items() if shop is None])
        shops = [shop for shop in found.values() if shop is not None]
        return sorted(shops, key=lambda shop: shop.name)

    async def create(self, name: str, quotas: Quotas, now: datetime) -> Shop:
        """Take the first database that nothing lies in, after whoever is connected to it has left.

        They find out where their own shop is when they connect again.
        """
        taken = {shop.database for shop in await self.all()}
        for database in range(MOST_DATABASES):
            if database == self._base or database in taken:
                continue
            shop = Shop(
                name=name,
                database=database,
                token=secrets.token_hex(8),
                created_at=now,
                quotas=quotas,
            )
            made = await self._made(shop)
            if made == "made":
                return shop
            if made == "exists":
                msg = f"There is a shop {name}."
                raise ShopExistsError(msg)
            if made == "none":
                break
        msg = (
            f"Redis has no database left for {name}: each shop takes one. Set `databases` in its "
            "configuration, which is read when it starts, to more than the shops that there can be."
        )
        raise NoRoomForShopError(msg)

    async def _made(self, shop: Shop) -> str:
        async with translated():
            size = await self._redis.eval(_SIZE, 0, shop.database)
        if size:
            return "full" if size > 0 else "none"
        await self._cut_off(shop)  # who works for it in a Redis that was emptied may be elsewhere
        args: Args = [shop.name, _written(shop), shop.database, self._base, shop.token]
        async with translated():
            return text(await self._create(keys=[SHOPS, MARK], args=args))

    async def limit(self, name: str, quotas: Quotas) -> Shop:
        """Write it anew."""
        shop = (await self._found(name)).model_copy(update={"quotas": quotas})
        async with translated():
            await self._redis.hset(SHOPS, name, _written(shop))
        return shop

    async def close(self, name: str) -> Shop:
        """Take the mark away, then cut off who is there: they find none when they come back."""
        shop = (await self._found(name)).model_copy(update={"is_closing": True})
        args: Args = [name, _written(shop), shop.database, shop.token]
        async with translated():
            await self._close(keys=[SHOPS, MARK], args=args)
        await self._cut_off(shop)
        return shop

    async def forget(self, shop: Shop) -> None:
        """Empty its database."""
        args: Args = [shop.name, _written(shop), shop.database, self._base]
        async with translated():
            await self._forget(keys=[SHOPS, *keys_of(shop.name)], args=args)

    async def _found(self, name: str) -> Shop:
        async with translated():
            shop = read_shop(await self._redis.hget(SHOPS, name))
        if shop is None:
            msg = f"There is no shop {name}: `portrait shops list` names those that there are."
            raise ShopNotFoundError(msg)
        return shop

    async def _cut_off(self, shop: Shop) -> None:
        """Close the connections that are in a shop's database, or are the shop's elsewhere."""
        async with translated():
            clients = await self._redis.client_list()
            for client in clients:
                if client["db"] == str(shop.database) or client["name"] == client_of(shop.name):
                    await self._redis.client_kill_filter(_id=client["id"])


def _written(shop: Shop) -> str:
    return shop.model_dump_json(exclude_none=True)


_SIZE = """
if redis.pcall('SELECT', ARGV[1]).err then return -1 end
return redis.call('DBSIZE')
"""
