"""A shop whose truth is planted: what goes with what, what is a variant, what everybody wants."""

from collections.abc import Mapping

import numpy as np

from portrait.arrays import positions
from portrait.catalogue.catalogue import Catalogue, texts_of
from portrait.catalogue.edges import Edge, Relation, tabled
from portrait.events.item import Item
from portrait.model.behaviour import Behaviour
from portrait.model.kinds import KINDS
from portrait.model.learned import Blend, Learned
from portrait.model.model import Model
from portrait.model.neighbours import Neighbours
from portrait.model.space import fit_space
from portrait.ref import item_ref, search_ref, text_ref
from tests.support.fakes import HashEncoder
from tests.support.shop import Shop

PASTA, SAUCES, DAIRY = "Grocery > Pasta", "Grocery > Sauces", "Grocery > Dairy"
SHIRTS, TIES, FUEL = "Clothes > Shirts", "Clothes > Ties", "Fuel > Petrol"
PHONES, CASES = "Phones > Phones", "Phones > Cases"
STOCK = (
    Item(id="spaghetti", title="spaghetti pasta", category=PASTA, price=1.0),
    Item(id="penne", title="penne pasta", category=PASTA, price=1.1),
    Item(id="fusilli", title="fusilli pasta", category=PASTA, price=1.2),
    Item(id="tomato", title="tomato sauce", category=SAUCES, price=2.0),
    Item(id="pesto", title="green pesto sauce", category=SAUCES, price=3.0),
    Item(id="cheese", title="grated cheese", category=DAIRY, price=4.0),
    Item(id="milk", title="whole milk", category=DAIRY, price=1.0),
    Item(id="shirt-s", title="white shirt small", category=SHIRTS, price=20.0, group_id="shirt"),
    Item(id="shirt-m", title="white shirt medium", category=SHIRTS, price=20.0, group_id="shirt"),
    Item(id="shirt-blue", title="blue shirt", category=SHIRTS, price=22.0),
    Item(id="tie", title="silk tie", category=TIES, price=15.0),
    Item(id="petrol", title="petrol", category=FUEL, price=60.0),
    Item(id="phone", title="black phone", category=PHONES, price=500.0),
    Item(id="case", title="leather sleeve", category=CASES, price=30.0),
)
TOGETHER: Mapping[str, Mapping[str, float]] = {  # what people take with it, and how often
    "spaghetti": {"tomato": 0.9, "cheese": 0.5, "penne": 0.7},
    "penne": {"pesto": 0.8, "cheese": 0.4, "spaghetti": 0.7},
    "shirt-s": {"tie": 0.6, "shirt-m": 0.9},
}
WANTED = {"petrol": 900_000, "milk": 40_000, "cheese": 5_000}
SEARCHES = ("pasta", "shirt")
ANN = (  # what she does, who buys milk and pasta
    {"type": "purchase", "item_id": "milk", "price": 1.0},
    {"type": "click", "item_id": "penne"},
    {"type": "purchase", "item_id": "spaghetti", "price": 1.0},
)
ENCODER = HashEncoder()
SPACE = fit_space("planted", ENCODER.encode([text for item in STOCK for text in texts_of(item)]))
FIRST, LEARNED = "first", "learned"


def model(kind: str = LEARNED) -> Model:
    """Return a model that has learned what goes together, or nothing."""
    return Model(kind, SPACE, _learned() if kind == LEARNED else None)


def planted_catalogue(of: Model) -> Catalogue:
    """Hold the shop's items in memory."""
    built = Catalogue(of)
    for item in STOCK:
        texts = texts_of(item)
        built.vectors.put([*map(text_ref, texts)], SPACE.place(ENCODER.encode(texts)))
    searches = SPACE.place_searches(ENCODER.encode(SEARCHES))
    built.vectors.put([*map(search_ref, SEARCHES)], searches)
    for item in STOCK:
        built.put(item)
    built.place()
    return built


async def planted_shop(kind: str = LEARNED) -> Shop:
    """Open it: nobody is known, petrol is what everybody wants, and the sleeve fits the phone."""
    shop = Shop()
    await shop.stock(*STOCK, searches=SEARCHES, space=SPACE, model=model(kind))
    await shop.popularity.add(20_000, dict(WANTED))
    await shop.edges.replace(tabled([Edge("case", Relation.FITS, "phone")]))
    return shop


async def shop_of_ann(kind: str = LEARNED, *since: Mapping[str, object]) -> Shop:
    """Open it to Ann, who did something more since."""
    shop = await planted_shop(kind)
    shop.remember("ann", *ANN, *since, painted=planted_catalogue(model(kind)))
    return shop


def _learned() -> Learned:
    dim = 8
    draw = np.random.default_rng(5)
    refs = np.sort(np.array([item_ref(item.id) for item in STOCK], np.uint64))
    behaviour = Behaviour(
        projection=draw.standard_normal((SPACE.dim, dim)).astype(np.float32),
        item_refs=refs,
        item_vectors=0.2 * draw.standard_normal((len(refs), dim)).astype(np.float32),
        action_gates=np.ones(KINDS, np.float32),
        action_vectors=np.zeros((KINDS, dim), np.float32),
        decay=np.full(2, 0.1, np.float32),
        gap_decay=np.full(2, 0.05, np.float32),
        turn=np.eye(dim, dtype=np.float32),
    )
    return Learned(behaviour, _neighbours(np.asarray(refs)), Blend(1.0, 0.7, 0.3, 0.2, 0.1))


def _neighbours(refs: "np.typing.NDArray[np.uint64]") -> Neighbours:
    by_ref = {item_ref(id): others for id, others in TOGETHER.items()}
    each = [by_ref.get(ref, {}) for ref in refs.tolist()]
    others = np.array([item_ref(id) for bonds in each for id in bonds], np.uint64)
    strengths = np.array([bond for bonds in each for bond in bonds.values()], np.float32)
    return Neighbours(
        refs=refs,
        starts=np.concatenate([[0], np.cumsum([len(bonds) for bonds in each])]),
        others=positions(refs, others).astype(np.int32),
        strengths=strengths[:, None],
        action_gates=np.ones(KINDS, np.float32),
        decay=np.array([0.1], np.float32),
        gap_decay=np.zeros(1, np.float32),
        kinds=np.ones(1, np.float32),
    )
