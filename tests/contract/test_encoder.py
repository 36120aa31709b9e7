"""What a text encoder promises: the same suite on the fake and on a BERT by every CPU path."""

from random import Random

import numpy as np
import pytest

from portrait.arrays import Floats
from portrait.model.encoder import TextEncoder
from portrait.model.space import Vectors
from portrait.text.text_encoder import Backend, load_encoder
from tests.support.fakes import HashEncoder
from tests.support.tiny_bert import WORDS, write_tiny_bert

RANDOM = Random(1)  # noqa: S311 - a test
TEXTS = [" ".join(RANDOM.choices(WORDS, k=1 + n % 30)) for n in range(300)]
ODD = {
    "empty": "",
    "blank": " \n\t",
    "nul": "\x00",
    "emoji": "👟" * 50,
    "chinese": "牛奶 1 升",
    "accent": "cafe\u0301",
    "half a pair": "\ud83d",
    "half a pair among words": "w1 \udc5f w2",
}


class TextEncoderContract:
    """A vector of length 1 for every text, whatever it is and whatever it is read with."""

    within = 2e-6  # how near vectors of the same text are in every dimension
    unknown = "???"  # a text that it cannot read

    def test_vectors_are_rows_of_length_one_in_the_order_asked(self, encoder: TextEncoder) -> None:
        vectors = encoder.encode(TEXTS)

        assert vectors.shape == (len(TEXTS), encoder.dim)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        self.agree(encoder.encode(TEXTS[::-1])[::-1], vectors)
        assert len(np.unique(vectors, axis=0)) >= len({*TEXTS})

    def test_no_texts_are_no_trouble(self, encoder: TextEncoder) -> None:
        assert encoder.encode([]).shape == (0, encoder.dim)
        assert encoder.encode([]).dtype == np.float32
        assert encoder.unread([]).shape == (0,)

    def test_a_text_has_its_vector_whatever_it_is_read_with(self, encoder: TextEncoder) -> None:
        text = "w1 w2 w3"

        alone = encoder.encode([text])
        twice, long, crowded = (
            encoder.encode([text, text]),
            encoder.encode([text, "w4 " * 200]),
            encoder.encode([*TEXTS, text]),
        )

        np.testing.assert_array_equal(encoder.encode([text]), alone)
        for vector in (twice[0], twice[1], long[0], crowded[-1]):
            self.agree(vector, alone[0])

    def test_who_changes_what_was_returned_changes_nothing(self, encoder: TextEncoder) -> None:
        before = encoder.encode(["w1"])
        kept = before.copy()

        before[:] = 0

        np.testing.assert_array_equal(encoder.encode(["w1"]), kept)

    def test_a_long_text_is_cut(self, encoder: TextEncoder) -> None:
        head = "w1 w2 " * 500

        one, other, headless = encoder.encode([head, head + "w3 " * 5_000, "w3 " * 5_000])

        self.agree(one, other)
        assert not np.allclose(one, headless, atol=self.within)

    @pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
    def test_an_odd_text_has_a_vector_and_spoils_no_other(
        self, encoder: TextEncoder, text: str
    ) -> None:
        vectors = encoder.encode(["w1", text, "w2"])

        assert np.isfinite(vectors).all()
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        self.agree(vectors[[0, 2]], encoder.encode(["w1", "w2"]))
        self.is_share(encoder.unread([text]), 1)

    def test_what_cannot_be_read_is_a_share_of_each_text(self, encoder: TextEncoder) -> None:
        texts = ["w1 w2", f"w1 {self.unknown}", self.unknown, "w3"]

        read, some, none, other = shares = encoder.unread(texts)

        self.is_share(shares, len(texts))
        assert shares.dtype == np.float32
        assert read == other == 0 < some < none
        np.testing.assert_array_equal(encoder.unread(texts[::-1])[::-1], shares)

    def test_it_is_named(self, encoder: TextEncoder) -> None:
        assert encoder.name
        assert encoder.dim > 0

    def agree(self, vectors: Vectors, others: Vectors) -> None:
        np.testing.assert_allclose(vectors, others, atol=self.within)

    def is_share(self, shares: Floats, count: int) -> None:
        assert shares.shape == (count,)
        assert ((shares >= 0) & (shares <= 1)).all()


class TestHashEncoder(TextEncoderContract):
    @pytest.fixture
    def encoder(self) -> TextEncoder:
        return HashEncoder()


class TinyBertContract(TextEncoderContract):
    backend: Backend

    @pytest.fixture(scope="class")
    @classmethod
    def encoder(cls, tmp_path_factory: pytest.TempPathFactory) -> TextEncoder:
        folder = write_tiny_bert(tmp_path_factory.mktemp("encoder"))
        return load_encoder(str(folder), backend=cls.backend, most_tokens=512)


class TestTorch(TinyBertContract):
    backend = "torch"


class TestTorchBf16(TinyBertContract):
    backend = "torch-bf16"
    within = 0.002  # a number of bf16 has 8 bits


class TestOpenVino(TinyBertContract):
    backend = "openvino"
    within = 0.002
