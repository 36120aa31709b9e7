"""What producers of each kind send, after their public specifications, and how it is read.

The first example of each vocabulary stands in docs/event-schema.md; `tests.support.generated`
writes it there.
"""

from dataclasses import dataclass
from typing import Any

from portrait.reading import names
from portrait.reading.names import Names

Fields = dict[str, Any]
AT = "2026-07-01T07:31:00Z"


@dataclass(frozen=True)
class Example:
    """A message, and the events in it; none: it is passed over."""

    sent: Fields
    read: list[Fields]


@dataclass(frozen=True)
class Vocabulary:
    """One kind of producer."""

    name: str
    source: str  # the specification
    about: str  # what to know
    names: Names
    fields: dict[str, str]  # theirs: ours
    examples: list[Example]


TEA = {
    "product_id": "tea-0042",
    "sku": "T-42",
    "name": "Sencha 100 g",
    "category": "Grocery > Tea",
    "brand": "Uji",
    "price": 8.9,
    "quantity": 2,
}
POT = {"product_id": "pot-0007", "name": "Iron teapot", "category": "Kitchen", "price": "49,00 €"}
TEA_ITEM = {"title": "Sencha 100 g", "category": "Grocery > Tea", "brand": "Uji"}
CALL = {
    "type": "track",
    "messageId": "m-1",
    "userId": "u-1",
    "anonymousId": "a-4711",
    "originalTimestamp": "2026-07-01T07:33:00Z",
    "sentAt": "2026-07-01T07:33:02Z",
}
WHO = {"user_id": "u-1", "anonymous_id": "a-4711"}
CLOCK = {"occurred_at": "2026-07-01T07:33:00Z", "sent_at": "2026-07-01T07:33:02Z"}

SEGMENT = Vocabulary(
    "Segment and RudderStack",
    "https://segment.com/docs/connections/spec/ecommerce/v2/",
    "Track calls, alone or as a `batch`. An order is one event for each of its `products`, named "
    "as the message with `:0`, `:1` …, so that a repeat counts once. A message that Segment has "
    "forwarded (`receivedAt`, or both `timestamp` and `originalTimestamp`) has its time corrected "
    "already; of another Kafka's time corrects it.",
    names.SEGMENT,
    {
        "messageId": "event_id",
        "userId, anonymousId": "user_id, anonymous_id",
        "timestamp, originalTimestamp, receivedAt, sentAt": "occurred_at, sent_at",
        "context.sessionId, properties.session_id": "session_id",
        "properties.product_id, else sku": "item_id",
        "properties.name, category, brand, variant": "item",
        "properties.price, currency, quantity": "price, quantity",
        "properties.order_id": "order_id",
        "properties.query, review_body": "text",
        "properties.rating": "rating",
    },
    [
        Example(
            CALL
            | {
                "event": "Order Completed",
                "properties": {"order_id": "o-1", "products": [TEA, POT]},
            },
            [
                WHO
                | CLOCK
                | {"event_id": "m-1:0", "type": "purchase", "item_id": "tea-0042"}
                | {"order_id": "o-1", "item": TEA_ITEM, "quantity": 2, "price": 8.9},
                WHO
                | CLOCK
                | {"event_id": "m-1:1", "type": "purchase", "item_id": "pot-0007"}
                | {"order_id": "o-1", "item": {"title": "Iron teapot", "category": "Kitchen"}}
                | {"price": 49.0},
            ],
        ),
        Example(
            CALL | {"event": "Product Removed", "properties": TEA},
            [
                WHO
                | CLOCK
                | {"event_id": "m-1", "type": "remove", "item_id": "tea-0042"}
                | {"item": TEA_ITEM, "quantity": 2, "price": 8.9}
            ],
        ),
        Example(
            CALL | {"event": "Products Searched", "properties": {"query": "iron teapot"}},
            [WHO | CLOCK | {"event_id": "m-1", "type": "search", "text": "iron teapot"}],
        ),
        Example(
            CALL
            | {"event": "Product Reviewed", "userId": "", "channel": "web"}
            | {"properties": {"product_id": 42, "rating": "4", "review_body": "Good."}},
            [
                CLOCK
                | {"event_id": "m-1", "type": "review", "anonymous_id": "a-4711"}
                | {"item_id": "42", "rating": 4.0, "text": "Good."}
            ],
        ),
        Example(
            CALL
            | {"event": "Product Viewed", "properties": {"sku": "T-42", "product_id": None}}
            | {"timestamp": "2026-07-01T07:32:58Z", "receivedAt": "2026-07-01T07:33:00Z"},
            [
                WHO
                | {"event_id": "m-1", "type": "browse", "item_id": "T-42"}
                | {"occurred_at": "2026-07-01T07:32:58Z"}
            ],
        ),
        Example(
            CALL
            | {"event": "Product Viewed", "properties": {"product_id": "p"}}
            | {"receivedAt": "2026-07-01T07:30:02Z"},  # the sender's clock is three minutes ahead
            [
                WHO
                | {"event_id": "m-1", "type": "browse", "item_id": "p"}
                | {"occurred_at": "2026-07-01T07:30:00Z"}
            ],
        ),
        Example(CALL | {"event": "Checkout Started", "properties": {"products": [TEA]}}, []),
        Example({"type": "identify", "messageId": "m", "userId": "u-1", "traits": {}}, []),
        Example(CALL | {"event": "Newsletter Scrolled", "properties": {}}, []),
    ],
)

SNOWPLOW_ROW = {
    "event_id": "c6ef3124-b53a-4b13-a233-0088f79dcbcb",
    "event": "unstruct",
    "event_name": "snowplow_ecommerce_action",
    "derived_tstamp": "2026-07-01 07:30:00.250",
    "user_id": None,
    "domain_userid": "a-4711",
    "domain_sessionid": "s-1",
}
_ECOMMERCE = "com_snowplowanalytics_snowplow_ecommerce"
SNOWPLOW = Vocabulary(
    "Snowplow",
    "https://docs.snowplow.io/docs/fundamentals/canonical-event/",
    "Enriched events as JSON or as the line of 131 tab-separated fields, with the entities of the "
    "e-commerce accelerator; their moments are UTC.",
    names.SNOWPLOW,
    {
        "event_id": "event_id",
        "user_id, domain_userid": "user_id, anonymous_id",
        "domain_sessionid": "session_id",
        "true_tstamp, derived_tstamp, else dvce_created_tstamp": "occurred_at",
        "product entity: id, name, category, brand, variant": "item_id, item",
        "product entity: price, currency, quantity": "price, quantity",
        "transaction entity: transaction_id": "order_id",
        "site_search: terms": "text",
    },
    [
        Example(
            SNOWPLOW_ROW
            | {
                f"unstruct_event_{_ECOMMERCE}_snowplow_ecommerce_action_1": {"type": "add_to_cart"},
                f"contexts_{_ECOMMERCE}_product_1": [
                    {"id": "tea-0042", "name": "Sencha", "category": "Grocery/Tea", "price": 8.9}
                ],
            },
            [
                {
                    "event_id": "c6ef3124-b53a-4b13-a233-0088f79dcbcb",
                    "type": "cart",
                    "anonymous_id": "a-4711",
                    "session_id": "s-1",
                    "item_id": "tea-0042",
                    "item": {"title": "Sencha", "category": "Grocery/Tea"},
                    "price": 8.9,
                    "occurred_at": "2026-07-01T07:30:00.250Z",
                }
            ],
        ),
        Example(
            SNOWPLOW_ROW
            | {
                "unstruct_event": {
                    "schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",
                    "data": {
                        "schema": "iglu:com.snowplowanalytics.snowplow.ecommerce/"
                        "snowplow_ecommerce_action/jsonschema/1-0-2",
                        "data": {"type": "transaction"},
                    },
                },
                "contexts": {
                    "schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0",
                    "data": [
                        {
                            "schema": "iglu:com.snowplowanalytics.snowplow.ecommerce/product/"
                            "jsonschema/1-0-0",
                            "data": {"id": "tea-0042", "price": 8.9, "quantity": 2},
                        },
                        {
                            "schema": "iglu:com.snowplowanalytics.snowplow.ecommerce/transaction/"
                            "jsonschema/1-0-0",
                            "data": {"transaction_id": "o-1"},
                        },
                    ],
                },
            },
            [
                {
                    "event_id": "c6ef3124-b53a-4b13-a233-0088f79dcbcb",
                    "type": "purchase",
                    "anonymous_id": "a-4711",
                    "session_id": "s-1",
                    "item_id": "tea-0042",
                    "order_id": "o-1",
                    "price": 8.9,
                    "quantity": 2,
                    "occurred_at": "2026-07-01T07:30:00.250Z",
                }
            ],
        ),
        Example(
            SNOWPLOW_ROW
            | {"event_name": "site_search"}
            | {
                "unstruct_event_com_snowplowanalytics_snowplow_site_search_1": {
                    "terms": ["iron", "pot"]
                }
            },
            [
                {
                    "event_id": "c6ef3124-b53a-4b13-a233-0088f79dcbcb",
                    "type": "search",
                    "anonymous_id": "a-4711",
                    "session_id": "s-1",
                    "text": "iron pot",
                    "occurred_at": "2026-07-01T07:30:00.250Z",
                }
            ],
        ),
        Example(SNOWPLOW_ROW | {"event": "page_view", "event_name": "page_view"}, []),
    ],
)

GA4_ROW = {
    "event_timestamp": 1_782_891_060_000_000,
    "event_name": "purchase",
    "user_pseudo_id": "11.22",
    "event_params": [
        {"key": "ga_session_id", "value": {"int_value": 1664981830}},
        {"key": "currency", "value": {"string_value": "EUR"}},
    ],
}
GA4 = Vocabulary(
    "Google Analytics 4",
    "https://support.google.com/analytics/answer/7029846",
    "Rows of the BigQuery export. They have no id; one is made from what names the row.",
    names.GA4,
    {
        "user_id, user_pseudo_id": "user_id, anonymous_id",
        "event_timestamp": "occurred_at",
        "event_params: ga_session_id": "session_id",
        "ecommerce.transaction_id": "order_id",
        "event_params: search_term": "text",
        "items: item_id, item_name, item_category … item_category5, item_brand": "item_id, item",
        "items: price, quantity": "price, quantity",
    },
    [
        Example(
            GA4_ROW
            | {
                "ecommerce": {"transaction_id": "o-1"},
                "items": [
                    {
                        "item_id": "tea-0042",
                        "item_name": "Sencha",
                        "item_category": "Grocery",
                        "item_category2": "Tea",
                        "price": 8.9,
                        "quantity": 2,
                    }
                ],
            },
            [
                {
                    "event_id": "DERIVED",
                    "type": "purchase",
                    "anonymous_id": "11.22",
                    "session_id": "1664981830",
                    "order_id": "o-1",
                    "item_id": "tea-0042",
                    "item": {"title": "Sencha", "category": "Grocery > Tea"},
                    "price": 8.9,
                    "quantity": 2,
                    "occurred_at": AT,
                }
            ],
        ),
        Example(GA4_ROW | {"event_name": "page_view"}, []),
        Example(GA4_ROW | {"event_name": "view_search_results"}, []),
    ],
)

PERSONALIZE = Vocabulary(
    "Amazon Personalize",
    "https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutEvents.html",
    "A whole PutEvents request, or one object for each entry of its `eventList`; and PutItems on "
    "`items`. `sentAt` means when it happened; `properties` may be JSON as text.",
    names.PERSONALIZE,
    {
        "eventId": "event_id",
        "eventType": "type",
        "userId, sessionId": "user_id, session_id",
        "itemId": "item_id",
        "sentAt": "occurred_at",
        "recommendationId": "recommendation_id",
        "properties: price, quantity, …": "price, quantity, …",
    },
    [
        Example(
            {
                "trackingId": "t-1",
                "userId": "u-1",
                "sessionId": "s-1",
                "eventList": [
                    {
                        "eventId": "p-1",
                        "eventType": "Buy",
                        "itemId": "tea-0042",
                        "recommendationId": "r-99",
                        "sentAt": 1_782_891_060,
                        "properties": '{"price": "8.90", "quantity": 2}',
                    }
                ],
            },
            [
                {
                    "event_id": "p-1",
                    "type": "purchase",
                    "user_id": "u-1",
                    "session_id": "s-1",
                    "item_id": "tea-0042",
                    "recommendation_id": "r-99",
                    "price": 8.9,
                    "quantity": 2,
                    "occurred_at": AT,
                }
            ],
        ),
    ],
)

SHOPIFY = Vocabulary(
    "Shopify",
    "https://shopify.dev/docs/api/web-pixels-api/standard-events",
    "Standard events of web pixels. Webhooks of orders are read by a mapping: "
    "`deploy/mappings/shopify-orders.yml`.",
    names.SHOPIFY,
    {
        "id": "event_id",
        "clientId": "anonymous_id",
        "timestamp": "occurred_at",
        "productVariant, cartLine, checkout.lineItems": "item_id, item, price, quantity",
        "checkout.order.id": "order_id",
        "searchResult.query": "text",
    },
    [
        Example(
            {
                "id": "sh-1",
                "clientId": "a-4711",
                "name": "product_added_to_cart",
                "type": "standard",
                "timestamp": "2026-07-01T07:31:00.000Z",
                "data": {
                    "cartLine": {
                        "quantity": 2,
                        "merchandise": {
                            "id": "v-1",
                            "title": "100 g",
                            "price": {"amount": 8.9, "currencyCode": "EUR"},
                            "product": {
                                "id": "9001",
                                "title": "Sencha",
                                "vendor": "Uji",
                                "type": "Tea",
                            },
                        },
                    }
                },
            },
            [
                {
                    "event_id": "sh-1",
                    "type": "cart",
                    "anonymous_id": "a-4711",
                    "item_id": "9001",
                    "item": {
                        "title": "Sencha",
                        "category": "Tea",
                        "brand": "Uji",
                        "attributes": {"variant": "100 g"},
                    },
                    "price": 8.9,
                    "quantity": 2,
                    "occurred_at": AT,
                }
            ],
        ),
    ],
)

META = Vocabulary(
    "Meta",
    "https://developers.facebook.com/docs/marketing-api/conversions-api/parameters",
    "Standard events as the conversions API takes them.",
    names.META,
    {
        "event_id": "event_id",
        "event_time": "occurred_at",
        "user_data.external_id, fbp": "user_id, anonymous_id",
        "custom_data.contents, content_ids": "item_id, price, quantity",
        "custom_data.order_id": "order_id",
        "custom_data.search_string": "text",
    },
    [
        Example(
            {
                "event_name": "AddToWishlist",
                "event_time": 1_782_891_060,
                "event_id": "f-1",
                "user_data": {"external_id": ["u-1"], "fbp": "fb.1.2"},
                "custom_data": {"content_ids": ["tea-0042"], "content_name": "Sencha"},
            },
            [
                {
                    "event_id": "f-1",
                    "type": "wish",
                    "user_id": "u-1",
                    "anonymous_id": "fb.1.2",
                    "item_id": "tea-0042",
                    "item": {"title": "Sencha"},
                    "occurred_at": AT,
                }
            ],
        ),
    ],
)

LOGS = Vocabulary(
    "REES46 and Taobao",
    "https://rees46.com/en/datasets",
    "Rows of the public logs, as JSON or in files. They have no id; one is made from all that a "
    "row says, so that the same row twice is once.",
    names.LOGS,
    {
        "event_time, timestamp": "occurred_at",
        "event_type, behavior": "type",
        "user_id, user_session": "user_id, session_id",
        "product_id, item_id": "item_id",
        "category_code, category_id": "category of item",
        "price": "price",
    },
    [
        Example(
            {
                "event_time": "2026-07-01 07:31:00 UTC",
                "event_type": "remove_from_cart",
                "product_id": 39910,
                "category_id": 2053013555631882655,
                "category_code": "electronics.smartphone",
                "brand": "uji",
                "price": 489.07,
                "user_id": 12345,
                "user_session": "s-1",
            },
            [
                {
                    "event_id": "DERIVED",
                    "type": "remove",
                    "user_id": "12345",
                    "session_id": "s-1",
                    "item_id": "39910",
                    "item": {"category": "electronics.smartphone", "brand": "uji"},
                    "price": 489.07,
                    "occurred_at": AT,
                }
            ],
        ),
        Example(
            {
                "user_id": 1,
                "item_id": 2,
                "category_id": 3,
                "behavior": "pv",
                "timestamp": 1782891060,
            },
            [
                {
                    "event_id": "DERIVED",
                    "type": "browse",
                    "user_id": "1",
                    "item_id": "2",
                    "item": {"category": "3"},
                    "occurred_at": AT,
                }
            ],
        ),
    ],
)

VOCABULARIES = (SEGMENT, SNOWPLOW, GA4, PERSONALIZE, SHOPIFY, META, LOGS)
