"""The staleness curve as a picture."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.staleness.figures import FIRST, INSIDE, SHUFFLED, Curve
from benchmarks.staleness.replay import DELAYS

COLOURS = {
    INSIDE: "#0b5cad",
    SHUFFLED: "#5a7d9a",
    FIRST: "#b4540a",
}  # apart for the colour-blind, too
SALT = "portrait"  # of the ids in an SVG: without it each drawing differs
INK, FAINT = "#1f2328", "#d0d7de"


def plot(curves: Mapping[str, Curve], path: Path) -> None:
    """Draw both curves; the suffix of the path says in which format."""
    figure = Figure(figsize=(8, 4.2), facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    for kind, curve in curves.items():
        _line(axes, kind, curve)
    _frame(axes)
    undated = {"Date": None} if path.suffix == ".svg" else None
    with rc_context({"svg.hashsalt": SALT}):
        figure.savefig(path, dpi=150, metadata=undated)


def _line(axes: Axes, kind: str, curve: Curve) -> None:
    values = [curve[delay].ndcg for delay in DELAYS]
    axes.plot(values, color=COLOURS[kind], marker="o", linewidth=2, zorder=3)
    for at, delay in enumerate(DELAYS):
        lost = curve[delay].lost
        if at:
            axes.annotate(
                f"{-100 * lost:+.0f} %".replace("-", "−"),  # noqa: RUF001 - a minus, not a hyphen
                (at, values[at]),
                xytext=(0, 8),
                textcoords="offset points",
                ha="center",
                fontsize=9,
                color=COLOURS[kind],
            )
    axes.annotate(
        kind,
        (0, values[0]),
        xytext=(10, 2),
        textcoords="offset points",
        fontsize=11,
        fontweight="bold",
        color=COLOURS[kind],
    )


def _frame(axes: Axes) -> None:
    axes.set_xticks(range(len(DELAYS)), [delay.replace(" ", "\n") for delay in DELAYS], color=INK)
    axes.set_ylim(bottom=0)
    axes.set_title(
        "What a late user state costs: NDCG@10 of the next purchase",
        loc="left",
        fontsize=12,
        color=INK,
    )
    axes.set_xlabel("how late the user's state is", color=INK)
    axes.grid(axis="y", color=FAINT, zorder=0)
    axes.tick_params(length=0, colors=INK)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(FAINT)
