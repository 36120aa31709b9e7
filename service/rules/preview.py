"""Preview: lists by the rules in force and by others, side by side. Nothing is changed by it.

Each list takes its own turn, so that whoever asks for one meanwhile waits for one of them at most.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

from portrait.arrays import Rows
from portrait.rules.rule import Rule, RuleBook
from portrait.rules.rulings import Rulings
from service.live import Live
from service.parts import Parts
from service.recommendations.known import Loaded, load
from service.recommendations.listing import Listing, list_items, rule_on, strategy_of
from service.recommendations.schemas import RecommendationRequest
from service.recommendations.turns import Turns
from service.rules.schemas import (
    PreviewItem,
    PreviewList,
    RuleReach,
    RulesPreviewAnswer,
    RulesPreviewBody,
)
from service.view import View


async def preview(
    body: RulesPreviewBody, parts: Parts, live: Live, turns: Turns
) -> RulesPreviewAnswer:
    """Make lists twice, and compare them.

    Raises:
        BusyError: Too many ask for lists at once.
    """
    view, at = live.require(), body.at or datetime.now(UTC)
    book = RuleBook(version=0, author="preview", at=datetime.now(UTC), rules=body.rules)
    tried = await asyncio.to_thread(view.tried, book)
    lists: list[PreviewList] = []
    after: list[Listing] = []
    for user, asked in _requests(body, live):
        loaded = await load(asked, parts, live, view)
        both = await turns.take(partial(_twice, loaded, view, tried, at))
        lists.append(_compared(user, loaded, view, *both))
        after.append(both[1])
    return RulesPreviewAnswer(
        changed=sum(_ids(each.before) != _ids(each.after) for each in lists),
        rules=tuple(_reach(rule, lists, after) for rule in book.rules),
        lists=tuple(lists),
    )


def _requests(
    body: RulesPreviewBody, live: Live
) -> Iterable[tuple[str | None, RecommendationRequest]]:
    """Return whose lists to make: of those who are named, and of the newest who asked."""
    for user in body.users:
        yield user, RecommendationRequest(user_id=user, limit=body.limit)
    newest = list(live.asked)[::-1][: body.newest]
    for asked in newest:
        yield None, asked.model_copy(update={"limit": body.limit, "explain": False})


def _twice(loaded: Loaded, view: View, tried: Rulings, at: datetime) -> tuple[Listing, Listing]:
    """Make a list by the rules in force, and by those that are tried."""
    before, after = rule_on(loaded, view, view.rulings), rule_on(loaded, view, tried, at)
    return list_items(loaded, view, before), list_items(loaded, view, after)


def _compared(
    user: str | None, loaded: Loaded, view: View, before: Listing, after: Listing
) -> PreviewList:
    rows_before, rows_after = before.ranking.rows, after.ranking.rows
    stay = set(rows_after.tolist())
    gone = [row for row in rows_before.tolist() if row not in stay]
    return PreviewList(
        user_id=user,
        strategy=strategy_of(loaded, before.basis),
        before=_shown(rows_before, before, view),
        after=_shown(rows_after, after, view),
        gone=tuple(_item(row, after.ruling.against(row, rows_after), view) for row in gone),
    )


def _shown(rows: Rows, listing: Listing, view: View) -> tuple[PreviewItem, ...]:
    put = listing.ranking.put
    return tuple(_item(row, listing.rules_of(row, put.get(row)), view) for row in rows.tolist())


def _item(row: int, rules: list[str], view: View) -> PreviewItem:
    item = view.shelf.items[row]
    return PreviewItem(item_id=item.id, title=item.title, rules=tuple(rules))


def _reach(rule: Rule, lists: list[PreviewList], after: list[Listing]) -> RuleReach:
    """Say how far a rule reaches in some lists."""
    id, subject = rule.id, [listing for listing in after if rule.id in _names(listing)]
    return RuleReach(
        id=id,
        does=rule.do.kind,
        lists=len(subject),
        listed=sum(id in item.rules for each in lists for item in each.after),
        removed=sum(id in item.rules for each in lists for item in each.gone),
    )


def _names(listing: Listing) -> set[str]:
    return {each.rule.id for each in listing.ruling.ruled}


def _ids(items: Iterable[PreviewItem]) -> list[str]:
    return [item.item_id for item in items]
