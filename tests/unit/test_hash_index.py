"""The hash index: what was put is found, and nothing else."""

from threading import Thread

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from portrait.arrays import MISSING
from portrait.hash_index import HashIndex

refs = st.integers(1, 2**64 - 1)
# Refs that share their low bits probe the same slots.
colliding = st.integers(1, 2**20).map(lambda n: n << 40 | 7)


@given(st.dictionaries(refs | colliding, st.integers(0, 2**31), max_size=400), st.sets(refs))
def test_it_agrees_with_a_dict(rows: dict[int, int], others: set[int]) -> None:
    index = HashIndex()
    for ref, row in rows.items():
        index.put(ref, row)

    asked = [*rows, *others]
    found = index.find(np.array(asked, np.uint64))

    assert found.tolist() == [rows.get(ref, MISSING) for ref in asked]
    assert len(index) == len(rows)


def test_it_grows_and_keeps_what_it_has() -> None:
    index = HashIndex()
    generator = np.random.default_rng(1)
    keys = generator.integers(1, 2**63, 5_000).astype(np.uint64)
    for row, key in enumerate(keys.tolist()):
        index.put(key, row)

    assert index.find(keys.reshape(50, 100)).ravel().tolist() == list(range(5_000))


def test_a_ref_can_move_to_another_row() -> None:
    index = HashIndex()
    index.put(5, 1)
    index.put(5, 2)

    assert index.find(np.array([5, 0], np.uint64)).tolist() == [2, MISSING]
    assert len(index) == 1


def test_a_thread_that_reads_finds_what_was_put_before_however_the_index_grows() -> None:
    # Dozens share a slot: chains are long, and the table grows three times.
    index, keys = HashIndex(), np.arange(1, 5_001, dtype=np.uint64) << np.uint64(8)
    put = 0

    def write() -> None:
        nonlocal put
        for row, key in enumerate(keys.tolist()):
            index.put(key, row)
            put = row + 1

    writer = Thread(target=write)
    writer.start()
    while put < len(keys):
        count = put
        assert index.find(keys[:count]).tolist() == [*range(count)]
        later = index.find(keys[count:])
        assert ((later == MISSING) | (later == np.arange(count, len(keys)))).all()
    writer.join()
