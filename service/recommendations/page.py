"""A page: several lists for one person, made together, so that no item stands in two of them.

load once ─▶ row by row: what it is about ─▶ its list, without what stands above ─▶ its title
"""

from dataclasses import replace

from portrait.ref import item_ref
from service.http.languages import USUAL, Language
from service.profiles.describe import extended
from service.recommendations.anchors import Anchor, Anchors
from service.recommendations.asked import AskerBody, ListBody
from service.recommendations.page_schemas import PageRequest, PageRow
from service.recommendations.recommender import Recommender, Written
from service.recommendations.schemas import RecommendationRequest
from service.recommendations.titles import title_of


async def make_page(asked: PageRequest, recommender: Recommender) -> bytes:
    """Answer a request for a page, in JSON. Each row takes a turn of its own.

    Args:
        asked: The request.
        recommender: Makes the lists.

    Raises:
        BusyError: Too many ask at once.
    """
    language = asked.language or USUAL
    whole = await recommender.load(_request(asked, PageRow(), None))
    anchors = Anchors(whole, recommender.view)
    above: set[int] = set()
    rows: list[bytes] = []
    for place, row in enumerate(asked.rows):
        about = anchors.of(row)
        if row.surface == "item" and about is None and row.item_id is None:
            continue
        loaded = await recommender.load_also(whole, _request(asked, row, about))
        looks_back = about is not None and row.item_id is None
        written = await recommender.make(replace(loaded, above=above, looks_back=looks_back))
        above = above.union(map(item_ref, written.told.items))
        rows.append(_row(written, place, row, about, language))
    return b'{"language":"%b","rows":[%b]}' % (language.encode(), b",".join(rows))


def _request(asked: PageRequest, row: PageRow, about: Anchor | None) -> RecommendationRequest:
    """Return what one row asks for: both parts have been read already."""
    fields = {name: getattr(row, name) for name in ListBody.model_fields}
    fields |= {name: getattr(asked, name) for name in AskerBody.model_fields}
    if about is not None and row.item_id is None:  # looks back: what they have had is no news
        fields |= {"item_id": about.item.id, "exclude_seen": row.exclude_seen is not False}
    return RecommendationRequest.model_construct(**fields)


def _row(
    written: Written, place: int, row: PageRow, about: Anchor | None, language: Language
) -> bytes:
    title = row.title or title_of(
        row,
        written.told.first,
        None if about is None else about.item.title,
        is_bought=about is not None and about.is_bought,
        language=language,
    )
    named = {
        "place": place,
        "title": title,
        "surface": row.surface,
        "about": None if about is None else about.item.id,
    }
    return extended(written.body, named)
