"""A reader that would be made again of the same is taken from the last training, and only then."""

import json
from pathlib import Path

import pytest

from portrait.training.tasks.again import MADE, MADE_OF, made_of, once_more
from portrait.training.tasks.outcome import Told
from tests.support.tiny_bert import write_tiny_bert

KEPT: Told = {"kept": True, "reason": "It is better."}
REFUSED: Told = {"kept": False, "reason": "It is not."}
EXAMPLES = [("good", 5.0, 7), ("bad", 1.0, 9)]


class Maker:
    """Makes a reader of one file, and counts how often."""

    def __init__(self, told: Told) -> None:
        self.told, self.made = told, 0

    def __call__(self, out: Path) -> Told:
        self.made += 1
        if self.told["kept"]:
            out.mkdir()
            (out / "weights").write_text(f"the {self.made}.")
        return self.told


class KilledError(Exception):
    """What a kill is here."""


def test_what_was_made_of_the_same_is_taken_and_says_so(tmp_path: Path) -> None:
    make = Maker(KEPT)

    first = once_more(tmp_path, "tone", "recipe", tmp_path / "v1", make)
    second = once_more(tmp_path, "tone", "recipe", tmp_path / "v2", make)

    assert (make.made, first) == (1, KEPT)
    assert second == {**KEPT, "taken_again": True}
    assert (tmp_path / "v2" / "weights").read_text() == "the 1."


def test_of_another_recipe_it_is_made_and_takes_the_place_of_the_last(tmp_path: Path) -> None:
    make = Maker(KEPT)
    once_more(tmp_path, "tone", "recipe", tmp_path / "v1", make)

    told = once_more(tmp_path, "tone", "another", tmp_path / "v2", make)

    assert (make.made, told) == (2, KEPT)
    assert (tmp_path / "tone" / MADE / "weights").read_text() == "the 2."
    once_more(tmp_path, "tone", "recipe", tmp_path / "v3", make)
    assert make.made == 3  # one of a kind is kept


def test_that_nothing_was_kept_is_known_again_too(tmp_path: Path) -> None:
    make = Maker(REFUSED)

    once_more(tmp_path, "tone", "recipe", tmp_path / "v1", make)
    told = once_more(tmp_path, "tone", "recipe", tmp_path / "v2", make)

    assert (make.made, told["kept"]) == (1, False)
    assert not (tmp_path / "v2").exists()


def test_what_a_kill_left_is_not_taken(tmp_path: Path) -> None:
    def killed(out: Path) -> Told:
        out.mkdir()
        raise KilledError

    once_more(tmp_path, "tone", "recipe", tmp_path / "v1", Maker(KEPT))
    with pytest.raises(KilledError):
        once_more(tmp_path, "tone", "another", tmp_path / "v2", killed)
    make = Maker(KEPT)

    once_more(tmp_path, "tone", "another", tmp_path / "v3", make)

    assert make.made == 1


def test_a_copy_that_lacks_its_end_is_made_anew(tmp_path: Path) -> None:
    once_more(tmp_path, "tone", "recipe", tmp_path / "v1", Maker(KEPT))
    (tmp_path / "tone" / MADE_OF).unlink()
    make = Maker(KEPT)

    once_more(tmp_path, "tone", "recipe", tmp_path / "v2", make)

    assert make.made == 1


def test_a_recipe_changes_with_all_that_a_reader_follows_from_and_not_with_the_order(
    tmp_path: Path,
) -> None:
    base = write_tiny_bert(tmp_path / "tiny")
    recipe = made_of(base, EXAMPLES, "how", 0)

    assert made_of(base, EXAMPLES[::-1], "how", 0) == recipe
    others = [
        made_of(base, [*EXAMPLES, ("fine", 3.0, 7)], "how", 0),
        made_of(base, [EXAMPLES[0]], "how", 0),  # somebody has asked to be forgotten
        made_of(base, EXAMPLES, "otherwise", 0),
        made_of(base, EXAMPLES, "how", 1),
    ]
    (base / "config.json").write_text(
        json.dumps(json.loads((base / "config.json").read_text()) | {"added": 1})
    )
    others.append(made_of(base, EXAMPLES, "how", 0))
    assert len({recipe, *others}) == 6
