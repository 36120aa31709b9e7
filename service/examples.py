"""Examples: what each route answers, as OpenAPI shows it."""

from collections.abc import Mapping

Json = Mapping[str, object]


def answered(status: int, example: Json | str) -> dict[int | str, dict[str, object]]:
    """Return what a route says in OpenAPI about its answer; an example in words is plain text."""
    if isinstance(example, str):
        content: Json = {"text/plain": {"schema": {"type": "string"}, "example": example}}
    else:
        content = {"application/json": {"example": example}}
    return {status: {"content": content}}


CHOCOLATE = "GROCERY > CANDY"
BOUGHT = {
    "action": "purchase",
    "item_id": "1082185",
    "title": "Dark chocolate 85%",
    "occurred_at": "2026-11-23T18:02:11Z",
}
MODEL = {"model_version": "v1", "space_id": "9f86d081884c7d65"}

PROFILE: Json = {
    "user_id": "household-1929",
    **MODEL,
    "profile_as_of": "2026-11-23T18:02:11Z",
    "received_at": "2026-11-23T18:02:11.214000Z",
    "stale_seconds": 0.31,
    "events_folded": 5,
    "totals": {
        "browse": 1,
        "click": 1,
        "search": 1,
        "cart": 1,
        "purchase": 1,
        "review": 0,
        "return": 0,
    },
    "spend": 2.49,
    "first_seen": "2026-10-30T09:12:40Z",
    "activity": {"state": "active", "silent_days": 0.6, "usual_gap_days": 6.1},
    "frequency": [
        {"since": "2026-11-05T00:00:00Z", "until": "2026-12-03T00:00:00Z", "events": 4},
        {"since": "2026-10-08T00:00:00Z", "until": "2026-11-05T00:00:00Z", "events": 1},
    ],
    "interests": [
        {
            "category": CHOCOLATE,
            "score": 0.82,
            "trend": 0.17,
            "direction": "rising",
            "evidence": [BOUGHT],
        }
    ],
    "brands": [{"brand": "Private", "share": 0.7}],
    "price_band": {"low": 1.0, "typical": 2.49, "high": 4.99},
    "recent": [BOUGHT | {"price": 2.49, "quantity": 1, "rating": None}],
    "outlook_as_of": "2026-11-24T09:02:11Z",
    "purchase_intent": {
        "probability": 0.93,
        "within_days": 7,
        "because": [{"habit": "overdue", "share": 0.81}, {"habit": "taste", "share": 0.4}],
    },
    "churn_risk": {
        "probability": 0.02,
        "within_days": 30,
        "because": [{"habit": "silence_days", "share": -1.2}],
    },
    "next_action": {
        "browse": 0.02,
        "click": 0.2,
        "search": 0.05,
        "cart": 0.1,
        "purchase": 0.6,
        "review": 0.02,
        "return": 0.01,
    },
    "likely_interests": [
        {"category": CHOCOLATE, "probability": 0.61, "within_days": 7, "evidence": [BOUGHT]}
    ],
}
ERASURE_ACCEPTED: Json = {"user_id": "household-1929", "status": "accepted"}
PROFILE_QUERY = [
    {
        "name": "recent",
        "in": "query",
        "description": "Most newest events to return.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 10, "default": 10},
    },
    {
        "name": "include",
        "in": "query",
        "description": "What to answer beside.",
        "schema": {"type": "array", "items": {"type": "string", "enum": ["vectors"]}},
    },
]
RECOMMENDATIONS: Json = {
    "recommendation_id": "1b4e28ba-2fa1-41d2-883f-0016d3cca427",
    "strategy": "profile",
    **MODEL,
    "profile_as_of": "2026-11-23T18:02:11Z",
    "stale_seconds": 0.31,
    "session_texts": [],
    "matched": 214,
    "filled": 0,
    "unknown_names": [{"filter": "brand", "name": "Natoinal", "nearest": ["National"]}],
    "emptied_by": [],
    "items": [
        {
            "item_id": "995242",
            "title": "Dark chocolate with sea salt",
            "category": CHOCOLATE,
            "brand": "National",
            "price": 2.79,
            "score": 1.0,
            "relevance": 1.0,
            "reasons": [BOUGHT | {"share": 0.8376}],
            "against": [],
        }
    ],
}
CLICK: Json = {
    "event_id": "e-1",
    "type": "click",
    "user_id": "household-1929",
    "item_id": "1082185",
    "occurred_at": "2026-11-23T18:01:58+01:00",
}
SEARCH: Json = {"type": "search", "anonymous_id": "c-77", "text": "dark chocolate"}
EVENTS_BODY: Json = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "anyOf": [
                    {"$ref": "#/components/schemas/Event"},
                    {
                        "type": "object",
                        "required": ["events"],
                        "properties": {
                            "events": {
                                "type": "array",
                                "maxItems": 500,
                                "items": {"$ref": "#/components/schemas/Event"},
                            }
                        },
                    },
                ]
            },
            "examples": {
                "one": {"summary": "One event", "value": CLICK},
                "several": {
                    "summary": "Several; what has no id and no time gets them",
                    "value": {"events": [CLICK, SEARCH]},
                },
            },
        }
    },
}
EVENTS_ANSWER: Json = {
    "accepted": 1,
    "rejected": 1,
    "results": [
        {"index": 0, "event_id": "e-1", "status": "accepted", "reason": None},
        {"index": 1, "event_id": None, "status": "rejected", "reason": "user_id: missing"},
    ],
}
ITEM: Json = {
    "item_id": "1082185",
    "title": "Dark chocolate 85%",
    "category": "GROCERY > CANDY > CHOCOLATE",
    "brand": "Private",
    "price": 2.49,
    "attributes": {"size": "3.5 OZ"},
    "available": True,
}
ITEM_ACCEPTED: Json = {"item_id": "1082185", "status": "accepted"}
ALIVE: Json = {"status": "alive"}
READY: Json = {"status": "ready", "up": ["redis", "kafka", "model"], "notes": []}
METRICS = 'portrait_requests_total{method="GET",route="/livez",status="200"} 12.0\n'
