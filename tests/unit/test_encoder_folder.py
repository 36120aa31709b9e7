"""Encoder folders: named by what they hold, read with their prefix."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from portrait.errors import EncoderInvalidError
from portrait.text.encoder_folder import MODULES, POOLING, PROMPTS, identify, prefix_of
from portrait.text.text_encoder import load_encoder, load_pooled
from tests.support.tiny_bert import write_tiny_bert


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


def test_weights_stored_in_half_precision_are_used_in_single(folder: Path) -> None:
    AutoModel.from_pretrained(folder).to(torch.float16).save_pretrained(folder)

    network = load_pooled(str(folder)).model

    assert {weight.dtype for weight in network.parameters()} == {torch.float32}


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

    assert prefix_of(str(folder)) == ""


def set_pooling(folder: Path, **config: object) -> None:
    (folder / POOLING).parent.mkdir(exist_ok=True)
    (folder / POOLING).write_text(json.dumps(config))


def states_of(folder: Path, text: str) -> torch.Tensor:
    """Return the hidden states (T, D) of one text, as transformers alone gives them."""
    ids = AutoTokenizer.from_pretrained(folder)([text], return_tensors="pt")
    network = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    with torch.no_grad():
        states: torch.Tensor = network(ids["input_ids"]).last_hidden_state[0]
    return states


@pytest.mark.parametrize(
    ("config", "pooled"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, lambda h: h[0]),
        ({"pooling_mode": "cls"}, lambda h: h[0]),
        ({"pooling_mode_max_tokens": True}, lambda h: h.amax(dim=0)),
        ({"pooling_mode": ["mean"]}, lambda h: h.mean(dim=0)),
        ({"word_embedding_dimension": 32}, lambda h: h.mean(dim=0)),
    ],
)
def test_tokens_become_one_vector_as_the_encoder_says(
    folder: Path,
    config: dict[str, object],
    pooled: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    set_pooling(folder, **config)
    expected = pooled(states_of(folder, "w1 w2 w3")).numpy()

    encoder = load_encoder(str(folder), backend="torch")
    found, _ = encoder.encode(["w1 w2 w3", "w4 w5 w6 w7 w8"])  # the first is padded

    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-5)


def test_another_pooling_is_another_encoder_and_the_mean_keeps_its_name(folder: Path) -> None:
    unsaid = identify(folder)

    set_pooling(folder, pooling_mode="mean")
    mean = identify(folder)
    set_pooling(folder, pooling_mode="cls")

    assert mean == unsaid
    assert identify(folder) != unsaid


@pytest.mark.parametrize(
    "config",
    [
        {"pooling_mode": "lasttoken"},
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
        {"pooling_mode": ["cls", "mean"]},
    ],
)
def test_a_pooling_that_is_not_there_is_refused_in_words(
    folder: Path, config: dict[str, object]
) -> None:
    set_pooling(folder, **config)

    with pytest.raises(EncoderInvalidError, match="pools by"):
        load_encoder(str(folder), backend="torch")


def test_a_step_that_is_not_there_is_refused_in_words(folder: Path) -> None:
    steps = ["Transformer", "Pooling", "Dense", "Normalize"]
    modules = [{"type": f"sentence_transformers.models.{step}"} for step in steps]
    (folder / MODULES).write_text(json.dumps(modules))

    with pytest.raises(EncoderInvalidError, match="ends with Dense"):
        load_encoder(str(folder), backend="torch")


def test_half_a_surrogate_pair_spoils_no_batch(folder: Path) -> None:
    whole, half = load_encoder(str(folder), backend="torch").encode(["w1 w2", "w1 w2 \ud83d"])

    assert np.isfinite(half).all()
    np.testing.assert_allclose(np.linalg.norm(whole), 1, atol=1e-5)


def test_bf16_autocast_agrees_with_fp32(folder: Path) -> None:
    texts = [f"w{n} w{n + 3} w{2 * n % 50}" for n in range(30)]

    exact = load_encoder(str(folder), backend="torch").encode(texts)
    fast = load_encoder(str(folder), backend="torch-bf16").encode(texts)

    assert (exact * fast).sum(axis=1).min() > 0.999
