"""What the benchmark of texts learns from besides labels, and where it says that items lie."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.language import __main__ as program
from benchmarks.language import run
from benchmarks.language.items import scientific
from benchmarks.language.lessons import lesson_of, save_teaching
from benchmarks.language.recipes import RECIPES, adaptation
from benchmarks.language.run import Said
from benchmarks.language.sets import ENGLISH, TextSet
from benchmarks.language.tree import tree_figures
from portrait.training.tasks.task import Labelled, Task
from tests.support.tiny_bert import write_tiny_bert

LABELS = ("Food > Green_Tea", "Food > Bread", "House")


def text_set(count: int = 240) -> TextSet:
    codes = np.arange(count) % len(LABELS)
    texts = Labelled([f"text {n}" for n in range(count)], codes)
    return TextSet(Task("any", "one", LABELS, texts, texts), texts, ENGLISH, (count,), ("other",))


def test_the_names_of_labels_are_texts_of_theirs() -> None:
    learned = lesson_of(text_set(), RECIPES["FGM + names"], []).train

    assert learned.texts[-3:] == ["food, green tea", "food, bread", "house"]
    assert learned.targets[-3:].tolist() == [0, 1, 2]
    assert len(learned) == 243


def test_half_of_what_is_distilled_holds_and_the_rest_is_what_the_teachers_say_together(
    tmp_path: Path,
) -> None:
    texts = text_set(3)
    paths = [tmp_path / f"{seed}.npz" for seed in range(2)]
    for path, share in zip(paths, (0.2, 0.4), strict=True):
        alike = np.full((3, 3), 1 / 3, np.float32)
        save_teaching(path, alike, np.array([[share, 1 - share, 0]], np.float32))

    learned = lesson_of(texts, RECIPES["distilled"], paths).train

    assert learned.texts == ["text 0", "text 1", "text 2", "other"]
    assert learned.targets[0].tolist() == pytest.approx([2 / 3, 1 / 6, 1 / 6])
    assert learned.targets[3].tolist() == pytest.approx([0.3, 0.7, 0])


def test_what_is_sure_in_a_tree_is_said_as_deep_as_it_is() -> None:
    texts = text_set()
    holds = np.eye(3, dtype=np.float32)[texts.test.targets]
    unsure = holds.copy()
    unsure[texts.test.targets != 2] = [0.5, 0.5, 0]  # food, but which

    sure = tree_figures(texts, Said(holds, holds))
    half = tree_figures(texts, Said(unsure, unsure))

    assert sure == {"top": 1, "said": 1, "said_precision": 1}
    assert half == {"top": 1, "said": 1, "said_precision": 1}
    wrong = np.roll(holds, 1, axis=1)
    assert tree_figures(texts, Said(wrong, wrong))["said"] == 0
    assert not tree_figures(
        TextSet(Task("any", "one", ("a", "b", "c"), texts.test, texts.test), texts.test, "en", ()),
        Said(holds, holds),
    )


def test_titles_and_places_are_read_out_of_the_texts(tmp_path: Path) -> None:
    lines = ["item_id:token\ttext:token_seq"]
    for n in range(40):
        place = ("Fasteners Screws Wood Screws", "Cutting Tools")[n % 2]
        lines.append(f"B{n}\tThing {n}, 1/2 in. Industrial & Scientific {place}. Acme Inc. ")
    lines.append("B\tSomething. . Nobody. ")
    (tmp_path / "amazon_scientific").mkdir()
    (tmp_path / "amazon_scientific" / "Scientific.text").write_text("\n".join(lines))

    task, test = scientific(tmp_path)

    assert task.labels == ("Cutting Tools", "Fasteners > Screws Wood Screws")
    titles = [*task.train.texts, *task.valid.texts, *test.texts]
    assert sorted(titles) == sorted(f"Thing {n}, 1/2 in" for n in range(40))
    number = int(task.train.texts[0].split(",")[0].removeprefix("Thing "))
    assert task.train.targets[0] == (number + 1) % 2


def test_a_recipe_takes_as_many_epochs_as_it_has_texts_to_read() -> None:
    texts = text_set()

    assert adaptation(texts, RECIPES["CE"], 0, None).course.epochs == 12
    assert adaptation(texts, RECIPES["longer"], 0, None).course.epochs == 24
    more = TextSet(texts.task, texts.test, ENGLISH, (), [""] * 20_000)
    assert adaptation(more, RECIPES["distilled"], 0, None).course.epochs == 2
    assert adaptation(more, RECIPES["CE"], 0, None).course.epochs == 12


def test_what_does_not_fit_into_the_time_is_left_and_the_same_command_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = write_tiny_bert(tmp_path / "tiny")
    monkeypatch.setattr(program, "SETS", {"messages": lambda _: text_set(60)})
    monkeypatch.setattr(program, "_encoder", lambda *_: tiny)

    def printed(minutes: str, seeds: str) -> tuple[str, Any]:
        named = {"data": tmp_path, "folder": tmp_path / "runs", "tasks": "messages"}
        named |= {"recipes": "CE", "seeds": seeds, "epochs": 1, "minutes": minutes}
        words = [word for name, value in named.items() for word in (f"--{name}", str(value))]
        monkeypatch.setattr(sys, "argv", ["language", *words])
        program.main()
        told = capsys.readouterr().out
        found = json.loads(told.splitlines()[-1])
        return told, {name: each["models"] for name, each in found.items() if name != "tone"}

    said, nothing = printed("0", "0,1")
    assert "2 runs are left" in said
    assert nothing == {}

    _, first = printed("60", "0")
    (models,) = first.values()
    assert [*models] == ["frozen + linear", "n-grams", "CE"]
    monkeypatch.setattr(run, "fit_baselines", lambda *_, **__: pytest.fail("they are kept"))

    said, second = printed("60", "0,1")
    (models,) = second.values()
    assert "0 left" in said
    assert models["CE"]["seeds"] == 2

    said, again = printed("0", "0,1")
    assert " left" not in said
    assert again == second
