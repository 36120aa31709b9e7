"""Settings and series of shops: what does not go together, and what says whose it is."""

from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from portrait import metrics
from portrait.errors import SettingsInvalidError
from portrait.settings import Settings, read_settings
from service.roots.service import alone
from service.roots.serving import check_access

OIDC = {"PORTRAIT_OIDC_ISSUER": "https://issuer", "PORTRAIT_OIDC_AUDIENCE": "portrait"}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"PORTRAIT_SHOP": "Acme"}, "PORTRAIT_SHOP: String should match"),
        ({"PORTRAIT_SHOP": "items"}, "PORTRAIT_SHOP: names of our own topics begin so"),
        ({"PORTRAIT_SHOP": "acme", "PORTRAIT_SHOPS": '["beta"]'}, "PORTRAIT_SHOPS: there is"),
        ({"PORTRAIT_SHOPS": '["*"]', **OIDC}, "PORTRAIT_OIDC_SHOP_CLAIM: PORTRAIT_SHOPS asks"),
        ({"PORTRAIT_SHOPS": '["Acme"]'}, "PORTRAIT_SHOPS"),
        ({"PORTRAIT_SHOPS": "[]"}, "PORTRAIT_SHOPS"),
    ],
    ids=str,
)
def test_what_cannot_be_is_told(
    values: Mapping[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsInvalidError, match=told):
        read_settings()


@pytest.mark.parametrize("shops", [["acme", "beta"], ["*"]])
def test_several_shops_without_keys_are_refused_even_on_loopback(shops: list[str]) -> None:
    settings = alone(Settings.model_validate({"shops": shops}))

    with pytest.raises(SettingsInvalidError, match="a key says which one is asked"):
        check_access(settings)
    check_access(settings.model_copy(update={"access": "keys"}))


def test_one_shop_needs_no_key_to_say_which() -> None:
    settings = alone(Settings.model_validate({"shops": ["acme"]}))

    check_access(settings)
    assert (settings.shop, settings.shops) == ("acme", None)
    assert alone(Settings()) == Settings()


def test_every_series_of_a_shop_s_process_says_whose_it_is() -> None:
    metrics.profiles_stored.inc()

    plain, named = labels_in(metrics.written(None)), labels_in(metrics.written("acme"))

    assert named == {(name, labels | {("shop", "acme")}) for name, labels in plain}
    assert 'shop="' not in metrics.written(None).decode()


def labels_in(written: bytes) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    return {
        (each.name, frozenset(each.labels.items()))
        for family in text_string_to_metric_families(written.decode())
        for each in family.samples
    }
