"""What the demo shows of a visit: pages as a shopper sees them, with the reason beside each thing.

HOME PAGE
  Because you bought Lemons
    Limes 36 ct                          0.25  Because it suits Lemons (100 %).
"""

from collections.abc import Sequence
from textwrap import wrap

from demo.report import Answer
from demo.visit import Audience, Visit

TITLE, WHY = 36, 56  # columns
MOST_NAMED = 3  # people of an audience


def visit_text(visit: Visit) -> str:
    """Lay out every page of a visit."""
    cart = " and ".join(str(each["title"]) for each in visit.cart)
    pages = [
        _page(f"HOME PAGE of {visit.user}", visit.home),
        _page(f"ITEM PAGE, {visit.item['title']}", visit.beside),
        _page(f"CART, {cart}", [{**visit.basket, "title": "Goes with what is in your cart"}]),
        _page("BUY AGAIN", [{**visit.again, "title": "What they buy again, the most due first"}]),
        _audience(visit.audience, visit.user),
    ]
    return "\n\n".join("\n".join(page) for page in pages)


def _page(title: str, rows: Sequence[Answer]) -> list[str]:
    lines = [f"  {title}"]
    for row in rows:
        lines.append(f"    {row['title']}")
        for item in row["items"]:
            lines += _item(item)
    return lines


def _item(item: Answer) -> list[str]:
    """Lay out an item: what it is called, what it costs, and why it is there."""
    price = "" if item["price"] is None else f"{item['price']:.2f}"
    first, *others = _wrapped(item["why"] or "")
    indent = " " * (6 + TITLE + 10)
    line = f"      {item['title'][:TITLE]:<{TITLE}} {price:>7}  {first}".rstrip()
    return [line, *(indent + each for each in others)]


def _wrapped(why: str) -> list[str]:
    """Break a sentence into lines, and no number from its sign."""
    lines = wrap(why.replace(" %", "\N{NO-BREAK SPACE}%"), WHY)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines] or [""]


def _audience(audience: Audience | None, user: str) -> list[str]:
    """Say whom the shop would tell of something, and whether the shopper is one of them."""
    if audience is None:
        return ["  AUDIENCE: too few people buy such things to look for others like them"]
    told, members = audience.told, audience.members
    place = audience.place_of(user)
    named = [f"{each['user_id']} {each['score']:.1f}" for each in members[:MOST_NAMED]]
    if place is not None:
        named.append(f"… number {place + 1}: {user} {members[place]['score']:.1f}")
    return [
        f"  AUDIENCE for {audience.subject}",
        (
            f"    {told['leaders']} households bought such things. Of the {told['people']} others,"
            f" {told['size']} are likelier to than"
        ),
        "    the average one, by so many times:",
        f"      {', '.join(named)}",
    ]
