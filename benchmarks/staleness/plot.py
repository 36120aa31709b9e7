"""The staleness curve as a picture: what is left of a fresh state's NDCG@10."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.staleness.figures import FIRST, INSIDE, SHUFFLED, Curve
from benchmarks.staleness.replay import DELAYS, EVENTS_LATE, NO_STATE, SECONDS_LATE


@dataclass(frozen=True, slots=True)
class Look:
    """How a curve is drawn."""

    colour: str
    marker: str  # the curves differ without colour, too
    offset: tuple[int, int]  # points from a marker to its figure
    label: str


LOOKS = {
    FIRST: Look("#b4540a", "s", (0, -16), "first line\nof a basket"),
    SHUFFLED: Look("#3d7a3d", "^", (0, 8), "inside a basket,\nlines shuffled"),
    INSIDE: Look("#0b5cad", "o", (7, 7), "inside a basket,\nlines as logged"),
}
SALT = "portrait"  # of the ids in an SVG: without it each drawing differs
INK, FAINT = "#1f2328", "#d0d7de"
GROUPS = (tuple(EVENTS_LATE), tuple(SECONDS_LATE), (NO_STATE,))
GAP = 0.5  # between groups: events and time are two scales


def plot(curves: Mapping[str, Curve], path: Path) -> None:
    """Draw the curves; the suffix of the path says in which format."""
    figure = Figure(figsize=(9, 4.6), facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    for kind, curve in curves.items():
        _curve(axes, LOOKS[kind], curve)
    _frame(axes)
    undated = {"Date": None} if path.suffix == ".svg" else None
    with rc_context({"svg.hashsalt": SALT}):
        figure.savefig(path, dpi=150, metadata=undated)


def _curve(axes: Axes, look: Look, curve: Curve) -> None:
    kept = {delay: 100 * (1 - curve[delay].lost) for delay in DELAYS}
    at = _places()
    axes.plot(list(at.values()), list(kept.values()), color=look.colour, linewidth=1, linestyle=":")
    for group in GROUPS:
        places, values = [at[delay] for delay in group], [kept[delay] for delay in group]
        axes.plot(places, values, color=look.colour, marker=look.marker, linewidth=2.2, zorder=3)
    for delay in DELAYS[1:]:
        axes.annotate(
            f"{kept[delay]:.0f}",
            (at[delay], kept[delay]),
            xytext=look.offset,
            textcoords="offset points",
            ha="center",
            fontsize=9,
            color=look.colour,
        )
    axes.annotate(
        f"{look.label}\n(fresh: {curve[DELAYS[0]].ndcg:.3f})",
        (at[NO_STATE], kept[NO_STATE]),
        xytext=(14, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        fontweight="bold",
        color=look.colour,
    )


def _places() -> dict[str, float]:
    """Return where each delay stands on the axis, groups a little apart."""
    return {
        delay: DELAYS.index(delay) + GAP * number
        for number, group in enumerate(GROUPS)
        for delay in group
    }


def _frame(axes: Axes) -> None:
    at = _places()
    axes.set_xticks(list(at.values()), [delay.replace(" ", "\n") for delay in at])
    axes.set_ylim(0, 106)
    axes.set_xlim(right=at[NO_STATE] + 1.9)
    axes.set_yticks(range(0, 101, 25), [f"{share} %" for share in range(0, 101, 25)])
    axes.set_title(
        "How much of the next purchase a late user state still predicts", loc="left", color=INK
    )
    axes.set_xlabel("how late the user's state is", color=INK)
    axes.set_ylabel("NDCG@10, share of a fresh state's", color=INK)
    axes.grid(axis="y", color=FAINT, zorder=0)
    axes.tick_params(length=0, colors=INK)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(FAINT)
