"""What Kafka has of one shop: its topics and its consumer groups."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupIdNotFound, KafkaError, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.admin import DeleteGroupsRequest, DescribeGroupsRequest_v0
from aiokafka.protocol.api import Request

from portrait.adapters.kafka_client import Cluster, why_away
from portrait.errors import StreamUnavailableError

GROUPS = "portrait-"  # what all groups of ours begin with
GONE_SECONDS = 30.0  # until topics are not listed any more
LOOK_SECONDS = 0.1  # between two looks


class KafkaShop:
    """A `ShopTopics`. Of what others keep under the shop's name it touches nothing."""

    def __init__(self, cluster: Cluster, topics: Iterable[str], groups: Iterable[str]) -> None:
        """Prepare it.

        Args:
            cluster: Where Kafka is, and how the shop's topics are called there.
            topics: Those that a shop has, as they are called here.
            groups: Those that its workers are in, likewise.
        """
        self._cluster = cluster
        self._topics = {*map(cluster.names.there, topics)}
        self._known = {*map(cluster.names.there, groups)}

    async def readers(self) -> Sequence[str]:
        """Ask of each group who is in it."""
        async with self._asking() as admin:
            return [
                group for group in await self._groups(admin) if await _has_members(admin, group)
            ]

    async def delete(self) -> Sequence[str]:
        """Delete topics, wait until they are gone, then delete groups."""
        async with self._asking() as admin:
            topics = sorted(self._topics & {*await admin.list_topics()})
            if topics:
                answer = await admin.delete_topics(topics)
                _check(code for _, code, *_ in answer.topic_error_codes)
                await self._until_gone(admin)
            gone = [group for group in await self._groups(admin) if await _has_gone(admin, group)]
        return [*topics, *gone]

    async def _groups(self, admin: AIOKafkaAdminClient) -> list[str]:
        prefix = self._cluster.names.there(GROUPS)
        found = await admin.list_consumer_groups()  # brokers may leave out who commits nothing
        return sorted(self._known | {group for group, _ in found if group.startswith(prefix)})

    async def _until_gone(self, admin: AIOKafkaAdminClient) -> None:
        ends = monotonic() + GONE_SECONDS
        while self._topics & {*await admin.list_topics()}:
            if monotonic() > ends:
                msg = "Kafka has not deleted the topics yet: do it again in a while."
                raise StreamUnavailableError(msg)
            await asyncio.sleep(LOOK_SECONDS)

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(**self._cluster.options())
        try:
            await admin.start()
            yield admin
        except KafkaError as error:
            raise StreamUnavailableError(await why_away(self._cluster, error)) from error
        finally:
            await admin.close()


class _Describe(Request[DescribeGroupsRequest_v0]):  # type: ignore[misc] # aiokafka is untyped
    """Asks who is in a group, as every broker answers it."""

    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[DescribeGroupsRequest_v0]) -> object:
        """Return the question."""
        return request_struct_class([self._group])


async def _has_members(admin: AIOKafkaAdminClient, group: str) -> bool:
    answer = await _coordinated(admin, group, _Describe(group))
    return any(members for *_, members in answer.groups)


async def _has_gone(admin: AIOKafkaAdminClient, group: str) -> bool:
    """Delete a group; say whether there was one."""
    answer = await _coordinated(admin, group, DeleteGroupsRequest([group]))
    _check(code for _, code in answer.results)
    return not any(code for _, code in answer.results)


async def _coordinated(admin: AIOKafkaAdminClient, group: str, request: object) -> Any:  # noqa: ANN401 - of any kind
    """Ask whoever coordinates a group."""
    node = await admin.find_coordinator(group)
    return await admin._client.send(node, request)  # noqa: SLF001 - it has no other way


def _check(codes: Iterable[int]) -> None:
    """Raise what stands in the way of a deletion; what is gone already does not."""
    for code in codes:
        if code and for_code(code) not in {UnknownTopicOrPartitionError, GroupIdNotFound}:
            raise for_code(code)
