"""Small help desks for tests, as folders."""

from pathlib import Path

INTENTS = """\
intents:
  - id: delivery
    name: where is my order
    description: a parcel that is late
    examples: [my parcel is late, when will the parcel come, track the order]
  - id: returning
    name: send it back
    examples: [i want to return the shoes, return it please]
  - id: invoice
    name: an invoice
    examples: [i need a bill, send me the invoice]
"""
REPLIES = """\
constants:
  days: "30"
replies:
  - id: delivery-full
    intent: delivery
    language: en
    text: "{name}, order {order_id} comes on {due}."
    slots: {name: order.name, order_id: order.order_id, due: order.due}
  - id: delivery-short
    intent: delivery
    language: en
    text: "Order {order_id} is on its way."
    slots: {order_id: order.order_id}
  - id: returning-item
    intent: returning
    language: en
    text: "You can send {title} back within {days} days."
    slots: {title: item.title, days: constant.days}
  - id: delivery-zh
    intent: delivery
    language: zh
    text: "订单 {order_id} 正在路上。"
    slots: {order_id: order.order_id}
"""
RULES = """\
hand_over:
  - because: asks for a person
    words: [human, 人工]
  - because: is upset
    mood: upset
  - because: asks for money
    intents: [invoice]
    words: [money]
"""


def write_desk(
    folder: Path, *, intents: str = INTENTS, replies: str = REPLIES, rules: str = RULES
) -> Path:
    """Write a desk; returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "intents.yml").write_text(intents)
    (folder / "replies.yml").write_text(replies)
    (folder / "rules.yml").write_text(rules)
    return folder
