"""Do people who buy cheap and people who buy luxury get lists that cost differently?"""

from collections.abc import Mapping, Sequence

from benchmarks.portrait.questions.scoring import Figures, mean
from benchmarks.portrait.side import Side, Wish, items_of
from sandbox.planted.life import World


def ask(side: Side, world: World) -> Figures:
    """Ask steady people for their lists."""
    lists: dict[str, list[list[str]]] = {"cheap": [], "middle": [], "luxury": []}
    for person in world.of_course("steady"):
        lists[person.level].append(items_of(side.recommend(Wish(person.id))))
    return {"price.apart": apart(lists["cheap"], lists["luxury"], world.shop.percentile)}


def apart(
    cheap: Sequence[Sequence[str]],
    luxury: Sequence[Sequence[str]],
    percentile: Mapping[str, float],
) -> float:
    """Return by how much the mean price percentile within the leaf differs, -1 to 1."""
    dear, low = (
        mean([mean([percentile[id] for id in listed]) for listed in lists])
        for lists in (luxury, cheap)
    )
    return dear - low
