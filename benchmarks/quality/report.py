"""The report: one table a set, readable as it stands on a terminal and as Markdown."""

from collections.abc import Iterable, Sequence

from benchmarks.quality.figures import Figures
from benchmarks.quality.measure import PROTOCOLS
from benchmarks.quality.published import PUBLISHED

Row = Sequence[str]

MAIN = (
    "model",
    "HR@10",
    "NDCG@10",
    "HR@50",
    "MRR@10",
    "unmasked HR@10 / NDCG@10",
    "coverage",
    "popularity",
    "Gini",
    "fit, s",
    "memory, MB",
)


def set_report(name: str, figures: Figures) -> str:
    """Write what was found on one set.

    Args:
        name: Of the set.
        figures: `set`, `peers`, `against`, `cold`, as `__main__` gathers them.
    """
    cold = figures["cold"]
    parts = [
        f"### {name}",
        _facts(figures["set"]),
        _main_table(figures["peers"]),
        *[_against(peer, found) for peer, found in figures["against"].items()],
        "NDCG@10 by how often training saw the target (users):",
        _slice_table(figures["peers"], "by_item_frequency"),
        "NDCG@10 by the user's events before the test (users):",
        _slice_table(figures["peers"], "by_user_length"),
        "Fitted again with the validation items, as a shop would serve (one fit, no new choice):",
        _refitted_table(figures["refitted"]),
        f"{cold['items_held_out']} items kept out of training, {cold['questions']} asked for:",
        _cold_table(cold["models"]),
    ]
    if name in PUBLISHED:
        parts += ["Published, with other code:", _published_table(name)]
    return "\n\n".join(parts)


def table(header: Row, rows: Iterable[Row]) -> str:
    """Align a Markdown table: the first column to the left, figures to the right."""
    lines = [header, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(header))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(
        "| " + " | ".join(_padded(line, widths)) + " |" for line in (header, rule, *rows)
    )


def _facts(facts: Figures) -> str:
    return (
        f"{facts['users']:,} users, {facts['items']:,} items, {facts['events']:,} events; "
        f"{facts['test_targets_that_are_repeats']} test targets are repeats, a miss when masked. "
        "Masked, unless it says otherwise; mean ± sd over seeds. Popularity is the mean training "
        f"count of what is shown; of what was taken it is {facts['popularity']:.1f}, and the Gini "
        f"of the training {facts['gini']:.2f}."
    )


def _padded(line: Row, widths: Sequence[int]) -> list[str]:
    first, *others = line
    aligned = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
    return [first.ljust(widths[0]), *aligned]


def _main_table(peers: Figures) -> str:
    best = max(peers, key=lambda name: peers[name]["masked"]["ndcg@10"]["mean"])
    return table(MAIN, [_main_row(name, found, name == best) for name, found in peers.items()])


def _main_row(name: str, found: Figures, is_best: bool) -> Row:  # noqa: FBT001 - bold or not
    masked, unmasked = found["masked"], found["unmasked"]
    return (
        f"**{name}**" if is_best else name,
        _with_sd(masked["hr@10"]),
        _with_sd(masked["ndcg@10"]),
        _short(masked["hr@50"]["mean"]),
        _short(masked["mrr@10"]["mean"]),
        f"{_short(unmasked['hr@10']['mean'])} / {_short(unmasked['ndcg@10']['mean'])}",
        f"{found['coverage@10']['mean']:.2f}",
        f"{found['popularity@10']['mean']:.1f}",
        f"{found['gini@10']['mean']:.2f}",
        f"{found['fit_seconds']:.1f}",
        f"{found['peak_megabytes']:,}",
    )


def _against(peer: str, found: Figures) -> str:
    """Say how far Portrait is ahead of a peer, or behind."""
    parts = [
        f"{metric} {one['difference']:+.4f} ({one['low']:+.4f} to {one['high']:+.4f}, "
        f"p {_p_value(one['p_value'])})"
        for metric, one in found.items()
    ]
    return f"Portrait against {peer}, paired bootstrap over users, 95 %: " + "; ".join(parts) + "."


def _p_value(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {_short(value)}"  # noqa: PLR2004 - as usual


def _slice_table(peers: Figures, kind: str) -> str:
    ranges = next(iter(peers.values()))[kind]
    header = ("model", *(f"{name} ({part['users']:,})" for name, part in ranges.items()))
    rows = [
        (name, *(_short(part["ndcg@10"]) for part in found[kind].values()))
        for name, found in peers.items()
    ]
    return table(header, rows)


def _refitted_table(models: Figures) -> str:
    header = ("model", *(f"{protocol}: HR@10 / NDCG@10" for protocol in PROTOCOLS))
    rows = [
        (model, *(f"{_short(at['hr@10'])} / {_short(at['ndcg@10'])}" for at in found.values()))
        for model, found in models.items()
    ]
    return table(header, rows)


def _cold_table(models: Figures) -> str:
    names = ("hr@10", "hr@50", "ndcg@10", "share_of_first_ten", "known_hr@10", "known_ndcg@10")
    shown = ("HR@10", "HR@50", "NDCG@10", "share of all first tens", "others: HR@10", "NDCG@10")
    header = ("model", *shown)
    rows = [(model, *(_short(found[name]) for name in names)) for model, found in models.items()]
    return table(header, rows)


def _published_table(name: str) -> str:
    header = ("model", "HR@10 / NDCG@10", "protocol", "source")
    rows = [
        (row.model, f"{_short(row.hr)} / {_short(row.ndcg)}", row.protocol, row.source)
        for row in PUBLISHED[name]
    ]
    return table(header, rows)


def _with_sd(figure: Figures) -> str:
    spread = f" ± {_short(figure['sd'])}" if figure["sd"] else ""
    return _short(figure["mean"]) + spread


def _short(value: float) -> str:
    """Write four places, without the nought before the point."""
    return f"{value:.4f}".removeprefix("0")
