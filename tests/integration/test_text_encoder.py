"""The text encoder, on the real bundled BERT and real product texts."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from benchmarks.fidelity import fidelity
from portrait.catalogue.texts import MOST_UNREAD
from portrait.errors import EncoderInvalidError
from portrait.evaluation.robustness import odd_texts_failed
from portrait.model.space import Vectors
from portrait.text.text_encoder import Backend, BertEncoder, load_encoder
from sandbox.shop import product_texts

TEXTS = product_texts(400)


@pytest.fixture(scope="module")
def plain() -> BertEncoder:
    return load_encoder("bundled", backend="torch")


@pytest.fixture(scope="module")
def plain_vectors(plain: BertEncoder) -> Vectors:
    return plain.encode(TEXTS)


def agree(fast: Vectors, plain: Vectors) -> None:
    """The fast path ranks as torch in fp32 does (DESIGN, section 10)."""
    found = fidelity(fast, plain)

    assert found.least_cosine >= 0.999
    assert found.overlap >= 0.98


@pytest.mark.skipif(find_spec("openvino") is None, reason="the extra `openvino` is not installed")
def test_openvino_agrees_with_torch(plain_vectors: Vectors) -> None:
    agree(load_encoder("bundled", backend="openvino").encode(TEXTS), plain_vectors)
    told = sys.modules["openvino.tools.ovc.telemetry_utils"].tm
    assert told.__name__.endswith("telemetry_stub")  # its makers hear nothing of it


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_cuda_agrees_with_torch(plain_vectors: Vectors) -> None:
    agree(load_encoder("bundled", backend="cuda").encode(TEXTS), plain_vectors)


def test_a_batch_equals_its_singles(plain: BertEncoder, plain_vectors: Vectors) -> None:
    singles = np.concatenate([plain.encode([text]) for text in TEXTS[:40]])

    np.testing.assert_allclose(singles, plain_vectors[:40], atol=2e-6)


def test_rows_have_length_one_in_the_order_asked(
    plain: BertEncoder, plain_vectors: Vectors
) -> None:
    backwards = plain.encode(TEXTS[::-1])

    np.testing.assert_allclose(np.linalg.norm(backwards, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(backwards[::-1], plain_vectors, atol=2e-6)


@pytest.mark.parametrize("text", ["", " ", "\x00", "👟" * 50, "long " * 5_000, "牛奶 1 升"])
def test_odd_texts_have_vectors(plain: BertEncoder, text: str) -> None:
    (vector,) = plain.encode([text])

    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_no_odd_text_is_without_a_vector(plain: BertEncoder) -> None:
    assert odd_texts_failed(plain) == []


def test_no_texts_are_no_trouble(plain: BertEncoder) -> None:
    assert plain.encode([]).shape == (0, 384)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_backend_that_is_not_here_is_refused() -> None:
    cuda: Backend = "cuda"

    with pytest.raises(RuntimeError, match="'cuda' is not on this machine"):
        load_encoder("bundled", backend=cuda)


def test_a_model_that_is_not_there_is_an_error() -> None:
    with pytest.raises(EncoderInvalidError, match="no such folder"):
        load_encoder("./nowhere")


def test_what_its_vocabulary_lacks_is_a_share_of_a_texts_own_tokens(plain: BertEncoder) -> None:
    english, chinese, mixed, empty = plain.unread(
        ["a blue steel bottle, 500 ml", "加厚旅行紫砂壶", "steel bottle 壶", ""]
    )

    assert (english, empty) == (0, 0)
    assert chinese > MOST_UNREAD
    assert 0 < mixed <= 1 / 3
    assert plain.unread([]).shape == (0,)


def test_every_english_text_of_the_shop_can_be_read(plain: BertEncoder) -> None:
    assert plain.unread(TEXTS).max() < MOST_UNREAD
