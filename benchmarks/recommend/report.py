"""The report: one table a set, readable as it stands on a terminal and as Markdown."""

from collections.abc import Iterable

from benchmarks.quality.report import table
from benchmarks.recommend.figures import Figures

HEADER = (
    "model",
    "recall@10",
    "NDCG@10",
    "recall of repeats",
    "recall of new",
    "repeats in the list",
    "settings",
    "seconds",
)


ABOUT_HEADER = ("model", "something found in ten", "NDCG@10", "settings", "seconds")
WANTED = {"item": "the rest of the basket of a thing", "cart": "what a cart lacks"}


def set_report(name: str, figures: Figures) -> str:
    """Write what was found on one set."""
    next_basket = _next_basket(figures) if "set" in figures else []
    about = [part for each in figures["about"].items() for part in _about(*each)]
    return "\n\n".join([f"### {name}", *next_basket, *about])


def _next_basket(figures: Figures) -> list[str]:
    facts = figures["set"]
    told = (
        f"{facts['users']:,} users, {facts['items']:,} items, {facts['baskets']:,} baskets; "
        f"{facts['asked']:,} users asked, {facts['basket']} items in what they bought, "
        f"{facts['repeats']:.1%} of it bought before."
    )
    best = max(figures["peers"].values(), key=lambda each: each["ndcg"])
    rows = [_row(peer, each, each is best) for peer, each in figures["peers"].items()]
    compared = [_compared(ours, each) for ours, each in figures["against"].items()]
    return [told, table(HEADER, rows), *compared]


def _about(surface: str, found: Figures) -> list[str]:
    peers = found["peers"]
    told = (
        f"Surface `{surface}`: {WANTED[surface]}; {found['asked']:,} users asked, "
        f"{found['items']:,} items."
    )
    best = max(peers.values(), key=lambda each: each["ndcg"])
    rows = [
        (
            f"**{peer}**" if each is best else peer,
            _short(each["hit"]),
            _short(each["ndcg"]),
            _settings(each),
            f"{each['seconds']:.0f}",
        )
        for peer, each in peers.items()
    ]
    against = found["against"]
    compared = _differences(against, (("hit", "found"), ("ndcg", "NDCG@10")))
    return [told, table(ABOUT_HEADER, rows), f"Portrait against {against['peer']}, {compared}"]


def _row(name: str, found: Figures, is_best: bool) -> tuple[str, ...]:  # noqa: FBT001 - bold or not
    return (
        f"**{name}**" if is_best else name,
        *(_short(found[each]) for each in ("recall", "ndcg", "recall_of_repeats", "recall_of_new")),
        f"{found['shown_again']:.0%}",
        _settings(found),
        f"{found['seconds']:.0f}",
    )


def _compared(ours: str, found: Figures) -> str:
    compared = _differences(found, (("recall", "recall@10"), ("ndcg", "NDCG@10")))
    return f"{ours} against {found['peer']}, {compared}"


def _differences(found: Figures, metrics: Iterable[tuple[str, str]]) -> str:
    parts = [
        f"{metric} {found[name]['difference']:+.4f} "
        f"({found[name]['low']:+.4f} to {found[name]['high']:+.4f})"
        for name, metric in metrics
    ]
    return "paired bootstrap over users, 95 %: " + "; ".join(parts)


def _settings(found: Figures) -> str:
    said = ", ".join(f"{each} {value:g}" for each, value in found["settings"].items())
    return said or "none"


def _short(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")
