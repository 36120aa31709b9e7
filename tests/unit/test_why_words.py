"""Words of reasons: asked for by the service, read by a real encoder in a worker, then told."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from portrait.catalogue.catalogue import Catalogue, texts_of
from portrait.catalogue.words import Word, WordShares
from portrait.events.consent import Consent, Purpose
from portrait.events.item import IntroducedItem, Item
from portrait.model.model import Model
from portrait.model.space import fit_space
from portrait.ref import search_ref, text_ref
from portrait.text.text_encoder import load_encoder, name_of
from tests.support.promotions import put_in_service
from tests.support.shop import Shop, open_shop
from tests.support.tiny_bert import write_tiny_bert
from tests.unit.test_why import got, why
from workers.attributers import Attributers
from workers.encoders import Encoders, Sources
from workers.index.words import Wordings, attribute_once

ITEMS = (
    Item(id="tea", title="w1 w2 w3", category="w4"),
    Item(id="cup", title="w2 w5 w6", category="w7"),
    Item(id="pot", title="w1 w8 w9 w10", category="w7"),
    Item(id="rug", title="w20 w21", category="w22"),
)
DONE = (
    {"type": "search", "text": "w8 w9"},
    {"type": "click", "item_id": "rug"},
    {"type": "purchase", "item_id": "tea", "price": 2.0},
)


class Written:
    """A shop whose texts a real, tiny BERT has read, and the worker that says why."""

    def __init__(self, folder: Path) -> None:
        self.shop = Shop()
        self._folder = folder

    async def open(self) -> None:
        load = partial(load_encoder, backend="torch")
        sources = Sources(str(self._folder), load, name_of)
        encoders = Encoders(sources, self.shop.registry, self._folder)
        encoder = await encoders.base()
        texts = [text for item in ITEMS for text in texts_of(item)]
        self.model = Model("tiny", fit_space(encoder.name, encoder.encode(texts), 8))
        space, store = self.model.space, self.shop.items
        vectors = space.place(encoder.encode(texts))
        await store.put_vectors(space.id, [*map(text_ref, texts)], vectors)
        searched = space.place_searches(encoder.encode(["w8 w9"]))
        await store.put_vectors(space.id, [search_ref("w8 w9")], searched)
        await store.put_items(ITEMS)
        await put_in_service(self.shop.registry, self.model)
        self.shop.remember("ann", *DONE, painted=self._catalogue(texts, vectors))
        self.wordings = Wordings(
            self.shop.words, store, self.shop.registry, Attributers(encoders).of
        )

    def _catalogue(self, texts: list[str], vectors: Any) -> Catalogue:  # noqa: ANN401 - arrays
        built = Catalogue(self.model)
        built.vectors.put([*map(text_ref, texts)], vectors)
        for item in ITEMS:
            built.put(item)
        built.place()
        return built

    async def work(self) -> None:
        """Answer all that was asked."""
        while self.shop.words.laid:
            await attribute_once(self.wordings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
async def written(folder: Path) -> Written:
    made = Written(folder)
    await made.open()
    return made


async def test_words_are_asked_for_and_there_once_a_worker_has_read_them(
    written: Written,
) -> None:
    async with open_shop(written.shop) as client:
        first = await got(client, "pot")
        await written.work()
        second = await got(client, "pot")

    assert first["words"] == {"state": "asked", "of": []}
    assert second["words"]["state"] == "ready"
    told = {each["item_id"]: each for each in second["words"]["of"]}
    named = [*second["reasons"], *second["against"]]
    assert {each["event"] for each in told.values()} == {
        each["event"] for each in named if each["event"]
    }
    assert {word["word"] for word in told["tea"]["of_item"]["words"]} >= {"w1", "w8", "w9", "w10"}
    assert {word["word"] for word in told["tea"]["of_reason"]["words"]} >= {"w1", "w2", "w3"}
    assert told[None]["of_reason"] is None


async def test_the_words_and_the_rest_add_up_to_how_near_the_texts_lie(written: Written) -> None:
    async with open_shop(written.shop) as client:
        await got(client, "pot")
        await written.work()
        told = (await got(client, "pot"))["words"]["of"]

    assert told
    for each in told:
        for text in [each["of_item"], each["of_reason"]]:
            if text is not None:
                shares = [word["share"] for word in text["words"]]
                assert sum(shares) + text["rest"] == pytest.approx(each["likeness"], abs=1e-3)
                assert shares == sorted(shares, key=abs, reverse=True)


async def test_what_is_asked_names_nobody_and_has_no_word_that_a_person_wrote(
    written: Written,
) -> None:
    async with open_shop(written.shop) as client:
        await got(client, "pot")

    asked = repr(written.shop.words.laid)
    assert written.shop.words.laid
    assert "ann" not in asked
    assert "w8" not in asked  # they searched for it


async def test_of_who_lets_nothing_be_personal_nothing_is_asked(written: Written) -> None:
    consent = Consent(1_000, frozenset({Purpose.PERSONALISATION}))
    await written.shop.profiles.agree({"ann": consent})

    async with open_shop(written.shop) as client:
        await why(client, "pot")

    assert written.shop.words.laid == []


async def test_what_events_alone_speak_of_is_not_read(written: Written) -> None:
    await written.shop.items.introduce_items([IntroducedItem(id="mine", title="a ring for mia")])
    done = {"type": "click", "item_id": "mine"}
    written.shop.remember("ann", done, painted=Catalogue(written.model))

    async with open_shop(written.shop) as client:
        told = (await got(client, "pot"))["words"]

    assert told == {"state": "none", "of": []}
    assert written.shop.words.laid == []


async def test_where_nothing_can_be_asked_all_else_is_told(written: Written) -> None:
    written.shop.words.is_full = True

    async with open_shop(written.shop) as client:
        answer = await got(client, "pot")

    assert answer["words"]["state"] == "asked"
    assert answer["reasons"]


async def test_a_text_that_has_changed_since_is_not_read(written: Written) -> None:
    async with open_shop(written.shop) as client:
        await got(client, "pot")
    await written.shop.items.put_items([item.model_copy(update={"title": "w50"}) for item in ITEMS])

    await written.work()

    assert written.shop.words.kept == {}


async def test_what_another_model_is_asked_is_left(written: Written) -> None:
    async with open_shop(written.shop) as client:
        await got(client, "pot")
    written.shop.words.laid = [each._replace(space_id="0" * 16) for each in written.shop.words.laid]

    await written.work()

    assert written.shop.words.kept == {}


async def test_what_is_known_is_not_read_again(written: Written) -> None:
    async with open_shop(written.shop) as client:
        await got(client, "pot")
    (first, *_) = written.shop.words.laid
    known = WordShares((Word("w1", 1.0),), 0.0, 0.0, 1.0)
    await written.shop.words.put(first, known)

    await written.work()

    assert written.shop.words.kept[first] == known
