"""Which words of a title may be its brand, and what the catalogue says of them."""

from benchmarks.language.brand_spans import brands_of, spans_of, traits_of, without
from portrait.catalogue.brands import first_known, named, words_of

TITLES = ["Acme Tools Hammer", "Acme Saw", "Glue for Acme Saws", "B & C Eagle Staples"]
BRANDS = [named(brand) for brand in ("Acme Tools", "Acme", "Sticky", "B&C Eagle")]
KNOWN = brands_of(TITLES, BRANDS)


def test_a_brand_is_its_words_however_it_is_written() -> None:
    assert named("B&C Eagle") == named("B & C EAGLE") == "b c eagle"


def test_the_longest_known_brand_that_stands_first_is_said() -> None:
    assert first_known("New Acme Tools Saw by B & C Eagle", KNOWN.items) == "acme tools"
    assert first_known("Nothing of the kind", KNOWN.items) == ""


def test_a_name_that_stands_in_titles_of_other_brands_is_believed_less() -> None:
    assert KNOWN.seen["acme"] == 3
    assert KNOWN.share("acme") == 1.5 / 4
    assert KNOWN.share("b c eagle") == 1.5 / 2


def test_what_may_be_a_brand_begins_early_or_after_by_or_is_known() -> None:
    title = "Steel pipe of one meter, acme thread, made by Nobody"

    names = {span.name for span in spans_of(title, KNOWN)}

    assert {"steel", "steel pipe of", "acme", "nobody"} <= names
    assert not {"meter", "thread", "made"} & names


def test_an_item_tells_nothing_of_its_own_brand() -> None:
    others = without(KNOWN, "B & C Eagle Staples", "b c eagle")

    assert others.items["b c eagle"] == others.seen["b c eagle"] == others.right["b c eagle"] == 0
    assert KNOWN.items["b c eagle"] == 1


def test_every_span_is_described_by_as_many_figures() -> None:
    title = "The Hillman Group 591521 Washers"
    spans = spans_of(title, KNOWN)

    described = traits_of(title, spans, KNOWN)

    assert len(described) == len(spans)
    assert all(len(words_of(span.name)) == span.end - span.begin for span in spans)
