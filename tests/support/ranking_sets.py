"""Small ranking sets with a planted pattern: everybody stays with one kind of thing."""

from pathlib import Path

import numpy as np

KINDS = ("hammer", "teapot", "violin", "sandal", "lantern", "compass")
OF_A_KIND = 5


def write_set(folder: Path, users: int = 60, seed: int = 0) -> Path:
    """Write a folder in the plain layout: 30 items of six kinds, one kind a user."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    rows = [
        f"{place}\tasin{place}\t{kind} number {place} for the house"
        for place, kind in enumerate(kind for kind in KINDS for _ in range(OF_A_KIND))
    ]
    table = "\n".join(["item_id\tasin\tshort_text", *rows])
    (folder / "Toy_items.tsv").write_text(table + "\n", encoding="utf-8")
    lines = []
    for user in range(users):
        kind = user % len(KINDS)
        taken = random.permutation(OF_A_KIND)[: 4 + user % 2] + kind * OF_A_KIND
        lines.append(" ".join([str(user), *map(str, taken)]))
    (folder / "Toy_sequences.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
