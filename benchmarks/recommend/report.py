"""The report: one table a set, readable as it stands on a terminal and as Markdown."""

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


def set_report(name: str, figures: Figures) -> str:
    """Write what was found on one set."""
    facts = figures["set"]
    told = (
        f"{facts['users']:,} users, {facts['items']:,} items, {facts['baskets']:,} baskets; "
        f"{facts['asked']:,} users asked, {facts['basket']} items in what they bought, "
        f"{facts['repeats']:.1%} of it bought before."
    )
    best = max(figures["peers"].values(), key=lambda each: each["ndcg"])
    rows = [_row(peer, each, each is best) for peer, each in figures["peers"].items()]
    compared = [_compared(ours, each) for ours, each in figures["against"].items()]
    return "\n\n".join([f"### {name}", told, table(HEADER, rows), *compared])


def _row(name: str, found: Figures, is_best: bool) -> tuple[str, ...]:  # noqa: FBT001 - bold or not
    settings = ", ".join(f"{each} {value:g}" for each, value in found["settings"].items())
    return (
        f"**{name}**" if is_best else name,
        *(_short(found[each]) for each in ("recall", "ndcg", "recall_of_repeats", "recall_of_new")),
        f"{found['shown_again']:.0%}",
        settings or "none",
        f"{found['seconds']:.0f}",
    )


def _compared(ours: str, found: Figures) -> str:
    parts = [
        f"{metric} {found[name]['difference']:+.4f} "
        f"({found[name]['low']:+.4f} to {found[name]['high']:+.4f})"
        for name, metric in (("recall", "recall@10"), ("ndcg", "NDCG@10"))
    ]
    return f"{ours} against {found['peer']}, paired bootstrap over users, 95 %: " + "; ".join(parts)


def _short(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")
