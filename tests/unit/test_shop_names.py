"""Names of shops: what cannot be one, and where a shop's things lie."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from portrait.events.topics import ALL, read_topics
from portrait.settings import Settings, of_shop
from portrait.shops.name import RESERVED, ShopName, prefix_of
from sandbox.processes import ROOT
from workers.roots import groups

NAMES: TypeAdapter[str] = TypeAdapter(ShopName)


@pytest.mark.parametrize("name", ["acme", "a", "shop-2", "x" * 32])
def test_plain_names_are_names(name: str) -> None:
    assert NAMES.validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "Acme", "2acme", "-acme", "acme-", "ac.me", "ac_me", "x" * 33, "ac/me", "..", "*"),
        *("acme\n", "acme\0", "äcme", "ac me", "{acme}", "shops:of"),
    ],
)
def test_whatever_could_mean_something_elsewhere_is_none(name: str) -> None:
    with pytest.raises(ValidationError):
        NAMES.validate_python(name)


def test_no_shop_is_called_as_topics_of_ours_begin() -> None:
    begins = {topic.partition(".")[0] for topic in ALL}

    assert begins | {"portrait"} == RESERVED


def test_all_topics_that_are_created_are_known() -> None:
    file = read_topics(ROOT / "deploy" / "topics.yml")

    assert {topic.name for topic in file.topics} == {*ALL}


def test_no_topic_of_one_shop_begins_as_those_of_another_do() -> None:
    theirs = {prefix_of(shop) + topic for shop in ("acme", "acme-2") for topic in ALL}

    assert len(theirs) == 2 * len(ALL)
    assert not [topic for topic in theirs if topic.startswith("acme.") == topic.startswith("acme-")]


def test_without_shops_everything_is_where_it_was() -> None:
    settings = Settings()

    assert of_shop(settings) is settings
    assert prefix_of(None) == ""


def test_a_shop_has_places_of_its_own() -> None:
    settings = Settings.model_validate({"shop": "acme", "archive_url": "s3://bucket/"})

    own = of_shop(settings)

    assert own.archive_url == "s3://bucket/shops/acme"
    assert own.models_url == "build/models/shops/acme"
    assert own.train_folder == Path("build/training/shops/acme")
    assert {own.model_cache, own.tracking_folder, own.assist_models} == {
        Path(f"build/{folder}/shops/acme") for folder in ("models", "tracking", "assist")
    }


def test_every_group_is_deleted_with_its_shop() -> None:
    named = {group for name, group in vars(groups).items() if name.endswith("_GROUP")}

    assert {*groups.ALL_GROUPS} == named
