"""The table that people read, as Markdown: a goal in each row, models and baselines beside it."""

from collections.abc import Mapping, Sequence

from benchmarks.portrait.goals import MODELS, Figures, Row, Sides, rows_of


def table(sides: Sides) -> str:
    """Write the goals, the figures of all sides, and what is reached."""
    baselines = [name for name in sides if name not in MODELS]
    header = ["", "goal", *MODELS, *baselines, "reached"]
    lines = [_line(header), _line(["---", *("---:" for _ in header[1:-1]), "---"])]
    lines += [_line(_cells(row, sides, baselines)) for row in rows_of(sides)]
    return "\n".join(lines)


def mean_of(runs: Sequence[Sides]) -> dict[str, Figures]:
    """Average runs of different seeds; all asked the same."""
    return {
        side: {key: sum(run[side][key] for run in runs) / len(runs) for key in figures}
        for side, figures in runs[0].items()
    }


def missed(sides: Sides) -> list[str]:
    """Return the keys of the goals that are not reached."""
    return [row.goal.key for row in rows_of(sides) if not row.is_reached]


def _cells(row: Row, sides: Sides, baselines: Sequence[str]) -> list[str]:
    others: list[Mapping[str, float]] = [sides[name] for name in baselines]
    figures = [*row.figures.values(), *(figures.get(row.goal.key) for figures in others)]
    return [
        row.goal.says,
        f"{row.limit:.2f}",
        *("" if figure is None else f"{figure:.2f}" for figure in figures),
        "yes" if row.is_reached else "**no**",
    ]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
