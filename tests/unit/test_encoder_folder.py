"""Encoder folders: named by what they hold, read with their prefix."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from portrait.neural.encoder_folder import PROMPTS, identify, prefix_of
from portrait.neural.text_encoder import load_encoder
from tests.tiny_bert import write_tiny_bert


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bert(tmp_path / "tiny")


def set_prompts(folder: Path, **settings: object) -> None:
    (folder / PROMPTS).write_text(json.dumps(settings))


def test_the_name_follows_the_weights_not_the_place(folder: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    other = write_tiny_bert(tmp_path / "other", seed=1)

    assert identify(moved) == identify(folder)
    assert identify(other) != identify(folder)
    assert load_encoder(str(folder), backend="torch").name == identify(folder)
    assert identify(folder).startswith("bert-")


def test_another_prefix_is_another_encoder(folder: Path) -> None:
    before = identify(folder)

    set_prompts(folder, prompts={"query": "query: "}, default_prompt_name="query")

    assert identify(folder) != before


def test_a_read_me_is_not_part_of_the_encoder(folder: Path) -> None:
    before = identify(folder)

    (folder / "README.md").write_text("hello")

    assert identify(folder) == before


def test_the_default_prompt_stands_before_every_text(folder: Path) -> None:
    bare = load_encoder(str(folder), backend="torch").encode(["w1 w2 w3"])
    set_prompts(folder, prompts={"query": "w1 ", "document": "w9 "}, default_prompt_name="query")

    prompted = load_encoder(str(folder), backend="torch").encode(["w2 w3"])

    np.testing.assert_allclose(prompted, bare, atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"prompts": {}, "default_prompt_name": None},
        {"prompts": {"query": "query: "}, "default_prompt_name": None},
        {"prompts": None},
    ],
)
def test_without_a_default_there_is_no_prefix(folder: Path, settings: dict[str, object]) -> None:
    set_prompts(folder, **settings)

    assert prefix_of(folder) == ""


def test_half_a_surrogate_pair_spoils_no_batch(folder: Path) -> None:
    whole, half = load_encoder(str(folder), backend="torch").encode(["w1 w2", "w1 w2 \ud83d"])

    assert np.isfinite(half).all()
    np.testing.assert_allclose(np.linalg.norm(whole), 1, atol=1e-5)


def test_bf16_autocast_agrees_with_fp32(folder: Path) -> None:
    texts = [f"w{n} w{n + 3} w{2 * n % 50}" for n in range(30)]

    exact = load_encoder(str(folder), backend="torch").encode(texts)
    fast = load_encoder(str(folder), backend="torch-bf16").encode(texts)

    assert (exact * fast).sum(axis=1).min() > 0.999
