"""Small catalogues for tests, with vectors that are sums of word vectors."""

import numpy as np

from portrait.catalogue.catalogue import FORGOTTEN_ROWS, Catalogue, texts_of
from portrait.events.item import IntroducedItem, Item
from portrait.model.model import Model
from portrait.model.space import Vectors, fit_space
from portrait.ref import search_ref, text_ref
from tests.support.fakes import HashEncoder

ITEMS = (
    Item(id="milk", title="whole milk", category="Grocery > Dairy", brand="Farm", price=1.0),
    Item(id="cheese", title="cheddar cheese", category="Grocery > Dairy", brand="Farm", price=4.0),
    Item(id="towels", title="paper towels", category="House > Paper", brand="Dry", price=3.0),
    Item(id="tuna", title="tuna cat food", category="Pets > Cat", brand="Purr", price=2.0),
    Item(id="beef", title="beef dog food", category="Pets > Dog", brand="Woof", price=6.0),
)
SPACE = fit_space("hash", HashEncoder().encode([t for item in ITEMS for t in texts_of(item)]))

MODEL = Model("test-model", SPACE)


def catalogue(*items: Item, searches: tuple[str, ...] = (), model: Model = MODEL) -> Catalogue:
    """Build a catalogue, of all ITEMS if none are named."""
    built = Catalogue(model)
    chosen = items or ITEMS
    read(built, *chosen)
    for search in searches:
        built.vectors.put([search_ref(search)], search_vector_of(search))
    for item in chosen:
        built.put(item)
    built.place()
    return built


def read(built: Catalogue, *items: Item) -> None:
    """Put the vectors of items' texts into a catalogue."""
    for text in (text for item in items for text in texts_of(item)):
        built.vectors.put([text_ref(text)], vector_of(text))


def vector_of(text: str) -> Vectors:
    """Return a text's vector, (1, K), alone: among others its last bits depend on its place."""
    vector: Vectors = SPACE.place(HashEncoder().encode([text])).astype(np.float16)
    return vector.astype(np.float32)


def search_vector_of(text: str) -> Vectors:
    """Return a search's vector, (1, K), alone."""
    vector: Vectors = SPACE.place_searches(HashEncoder().encode([text])).astype(np.float16)
    return vector.astype(np.float32)


def litter(built: Catalogue) -> None:
    """Fill a catalogue with items that were introduced and are forgotten."""
    for number in range(FORGOTTEN_ROWS + 10):
        built.put(IntroducedItem(id=f"scam-{number}"))
        built.forget(f"scam-{number}")
