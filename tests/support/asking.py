"""Asking for lists over HTTP, and what they hold."""

from collections.abc import Mapping
from typing import Any

import httpx

from service.recommendations.schemas import Recommendations


async def ask(
    client: httpx.AsyncClient, asked: Mapping[str, object] | None = None, /, **more: object
) -> dict[str, Any]:
    """Ask for a list, which is as the contract has it."""
    answer = await client.post("/recommend", json={**(asked or {}), **more})
    assert answer.status_code == 200, answer.text
    Recommendations.model_validate_json(answer.content, strict=True)
    found: dict[str, Any] = answer.json()
    return found


def ids(answer: Mapping[str, Any]) -> list[str]:
    """Name its items, in order."""
    return [item["item_id"] for item in answer["items"]]
