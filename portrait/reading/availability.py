"""Availability: whether an item can be bought, in the words that shops use.

Sources: schema.org's ItemAvailability, Google Merchant Center's product data, Shopify's and
WooCommerce's states of a product.
"""

from collections.abc import Mapping
from typing import Any

from portrait.reading.values import as_flag, first, is_said, words

YES = frozenset(
    map(
        words,
        (
            *("y", "t", "auf lager", "en stock", "disponible", "有库存", "库存充足", "正常"),
            *("in stock", "instock", "available", "yes", "true", "on", "active", "published"),
            *("enabled", "publish", "onbackorder", "backorder", "preorder", "pre order", "presale"),
            *("limited availability", "online only", "in store only", "low stock", "visible"),
            *("有货", "现货", "在售", "上架", "已上架", "预售", "可售", "是"),
        ),
    )
)
NO = frozenset(
    map(
        words,
        (
            *("out of stock", "outofstock", "sold out", "soldout", "unavailable", "not available"),
            *("no", "false", "off", "inactive", "draft", "archived", "disabled", "private"),
            *("n", "f", "none", "no stock", "not in stock", "ausverkauft", "agotado", "épuisé"),
            *("discontinued", "deleted", "trash", "pending", "hidden", "unpublished", "retired"),
            *("缺货", "无货", "售罄", "已售罄", "下架", "已下架", "停售", "草稿", "否", "不可售"),
            *("暂时缺货", "无库存", "库存不足", "没货", "暂无库存", "停产"),
        ),
    )
)
NAMES = (
    *("available", "in_stock", "inStock", "is_in_stock", "instock", "availability"),
    *("stock_status", "stockStatus", "stock", "stock_quantity", "inventory_quantity"),
    *("quantity_available", "status", "published", "is_active", "active", "enabled", "visible"),
)


def availability(fields: Mapping[str, Any]) -> tuple[bool | None, dict[str, str]]:
    """Say whether an item can be bought: only if nothing that is said of it speaks against that.

    Returns:
        None if nothing is said; and which fields could not be read.
    """
    answers: list[bool] = []
    unread: dict[str, str] = {}
    for name in NAMES:
        value = fields.get(name)
        if value is None:
            continue
        value = _inside(value)
        if not is_said(value):
            continue
        answer = as_flag(value, YES, NO)
        if isinstance(answer, bool):
            answers.append(answer)
        else:
            unread[name] = "unknown word"
    return (all(answers) if answers else None), unread


def _inside(value: object) -> object:
    """Return what an object or the first of a list says: a quantity, schema.org's `@id`."""
    if isinstance(value, list):
        value = next(filter(is_said, value), None)
    return first(value, ("quantity", "@id", "status")) if isinstance(value, dict) else value
