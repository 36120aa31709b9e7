"""Routes: the catalogue, item by item."""

from fastapi import APIRouter, Request, status
from pydantic_core import to_json

from portrait.errors import ItemNotFoundError
from portrait.events.item import Item
from portrait.events.stream import Message
from portrait.events.topics import ITEMS
from service.access.admission import check_item
from service.dependencies import ItemIdPath, OldItemIdPath, PartsDep
from service.http.problems import WRITING, declared
from service.routing import ExactRoute
from service.schemas import ItemAccepted, ItemAnswer, ItemBody, ItemPatch

router = APIRouter(route_class=ExactRoute, prefix="/items/{item_id:path}", tags=["items"])


@router.get("", responses=declared(422))
async def get_item(item_id: OldItemIdPath, parts: PartsDep) -> ItemAnswer:
    """Return an item of the catalogue."""
    (item,) = await parts.catalogue.get_items([item_id])
    if item is None or item.withdrawn:
        raise ItemNotFoundError
    told = item.model_dump(exclude={"id", "withdrawn"})
    read = {"category_read": item.category_read, "brand_read": item.brand_read}
    return ItemAnswer(item_id=item.id, **read, **told)


@router.put("", status_code=status.HTTP_202_ACCEPTED, responses=declared(*WRITING))
async def put_item(
    item_id: ItemIdPath, body: ItemBody, parts: PartsDep, request: Request
) -> ItemAccepted:
    """Add or replace an item, through Kafka like every other change."""
    await check_item(request, item_id)
    item = Item.model_validate({**body.model_dump(), "id": item_id})
    value = item.model_dump_json(exclude={"withdrawn"}).encode()
    await parts.publisher.publish([Message(ITEMS, item_id.encode(), value)])
    return ItemAccepted(item_id=item_id)


@router.patch("", status_code=status.HTTP_202_ACCEPTED, responses=declared(*WRITING))
async def patch_item(
    item_id: ItemIdPath, body: ItemPatch, parts: PartsDep, request: Request
) -> ItemAccepted:
    """Change what is named of an item, through Kafka: a JSON merge patch (RFC 7396).

    Null takes a field, or one of the attributes, back to unknown; what is not named stays. Of an
    item that nobody has put, no more is known than this; without a title it is not recommended.
    """
    await check_item(request, item_id)
    said = body.model_dump(mode="json", include=body.model_fields_set, exclude_defaults=True)
    unknown = dict.fromkeys(body.model_fields_set - said.keys())
    value = to_json({"id": item_id, "patch": True, **unknown, **said})
    await parts.publisher.publish([Message(ITEMS, item_id.encode(), value)])
    return ItemAccepted(item_id=item_id)


@router.delete("", status_code=status.HTTP_202_ACCEPTED, responses=declared(*WRITING))
async def delete_item(item_id: OldItemIdPath, parts: PartsDep) -> ItemAccepted:
    """Withdraw an item: it is remembered, and never recommended. Doing it again changes nothing."""
    await parts.publisher.publish([Message(ITEMS, item_id.encode(), None)])
    return ItemAccepted(item_id=item_id)
