"""Token batches: nothing lost, nothing over the bound, little padding."""

from hypothesis import given
from hypothesis import strategies as st

from portrait.text.batching import FEW_TOKENS, MOST_PADDING, token_batches

token_ids = st.lists(st.lists(st.integers(1, 30_000), min_size=1, max_size=40), max_size=60)


@given(token_ids, st.integers(1, 500))
def test_every_text_is_in_one_batch_unchanged(texts: list[list[int]], most: int) -> None:
    found: dict[int, list[int]] = {}
    for batch in token_batches(texts, most):
        for place, ids, mask in zip(batch.places.tolist(), batch.ids, batch.mask, strict=True):
            assert place not in found
            found[place] = ids[mask == 1].tolist()

    assert [found[place] for place in range(len(texts))] == texts


@given(token_ids, st.integers(40, 500))
def test_a_batch_stays_within_its_tokens(texts: list[list[int]], most: int) -> None:
    assert all(batch.ids.size <= most for batch in token_batches(texts, most))


def test_texts_of_one_length_need_no_padding() -> None:
    texts = [[1] * (3 + n % 4) for n in range(400)]

    batches = list(token_batches(texts, 60))

    wasted = sum((batch.mask == 0).sum() for batch in batches)
    assert wasted / sum(batch.mask.size for batch in batches) < 0.05


def padding(texts: list[list[int]], most: int) -> float:
    batches = list(token_batches(texts, most))
    wasted = sum(int((batch.mask == 0).sum()) for batch in batches)
    return wasted / sum(batch.mask.size for batch in batches)


def test_some_hundred_texts_of_all_lengths_need_little_padding() -> None:
    texts = [[1] * (5 + n * 7 % 40) for n in range(300)]

    assert padding(texts, 2_048) < MOST_PADDING


def test_texts_of_one_length_fill_a_batch() -> None:
    assert [len(batch.places) for batch in token_batches([[1] * 10] * 300, 2_000)] == [200, 100]


def test_a_few_texts_of_different_lengths_share_a_pass() -> None:
    texts = [[1] * 5, [1] * 9, [1] * 14, [1] * 30]

    (batch,) = token_batches(texts, 2_048)

    assert batch.mask.sum() < FEW_TOKENS


@given(token_ids, st.integers(1, 3_000))
def test_only_a_batch_of_few_tokens_is_padded_much(texts: list[list[int]], most: int) -> None:
    for batch in token_batches(texts, most):
        filled = batch.mask.sum(axis=1)
        lean = (batch.mask == 0).mean() <= MOST_PADDING
        assert lean or filled[:-1].sum() < FEW_TOKENS
