"""Routes: the catalogue, item by item."""

from fastapi import APIRouter, status

from portrait.errors import ItemNotFoundError
from portrait.events.item import Item
from portrait.events.stream import Message
from portrait.events.topics import ITEMS
from service.dependencies import ItemIdPath, OldItemIdPath, PartsDep
from service.http.problems import WRITING, declared
from service.routing import ExactRoute
from service.schemas import ItemAccepted, ItemAnswer, ItemBody

router = APIRouter(route_class=ExactRoute, prefix="/items/{item_id:path}", tags=["items"])


@router.get("", responses=declared(422))
async def get_item(item_id: OldItemIdPath, parts: PartsDep) -> ItemAnswer:
    """Return an item of the catalogue."""
    (item,) = await parts.catalogue.get_items([item_id])
    if item is None or item.withdrawn:
        raise ItemNotFoundError
    return ItemAnswer(item_id=item.id, **item.model_dump(exclude={"id", "withdrawn"}))


@router.put("", status_code=status.HTTP_202_ACCEPTED, responses=declared(*WRITING))
async def put_item(item_id: ItemIdPath, body: ItemBody, parts: PartsDep) -> ItemAccepted:
    """Add or replace an item, through Kafka like every other change."""
    item = Item.model_validate({**body.model_dump(), "id": item_id})
    value = item.model_dump_json(exclude={"withdrawn"}).encode()
    await parts.publisher.publish([Message(ITEMS, item_id.encode(), value)])
    return ItemAccepted(item_id=item_id)


@router.delete("", status_code=status.HTTP_202_ACCEPTED, responses=declared(*WRITING))
async def delete_item(item_id: OldItemIdPath, parts: PartsDep) -> ItemAccepted:
    """Withdraw an item: it is remembered, and never recommended. Doing it again changes nothing."""
    await parts.publisher.publish([Message(ITEMS, item_id.encode(), None)])
    return ItemAccepted(item_id=item_id)
