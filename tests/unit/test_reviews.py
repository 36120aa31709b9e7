"""Reviews to learn from: of those who let it, the newest, each text once."""

from portrait.archive.archive import Archive
from portrait.dataset.reviews import read_reviews
from portrait.events.consent import Consent, Consents, Purpose
from portrait.events.erasure import Erasures
from portrait.ref import user_ref
from tests.support.archives import memory_archive
from tests.support.planted_reviews import WRITTEN_AT, keep_reviews
from tests.support.training_shop import keep, season

TEXTS = ["fine", "awful", "so so", "fine"]


def reviewed() -> Archive:
    archive = memory_archive()
    keep(archive, season(0))
    keep_reviews(archive, [*TEXTS, "", "no stars"], [5.0, 1.0, 3.0, 4.0, 2.0, None])
    return archive


def test_what_has_a_text_and_stars_is_read_and_no_text_twice() -> None:
    reviews = read_reviews(reviewed(), 100)

    assert reviews.texts == ("fine", "awful", "so so")
    assert reviews.stars.tolist() == [5, 1, 3]
    assert reviews.users.tolist() == [user_ref(f"writer-{n}") for n in range(3)]


def test_of_too_many_the_newest_are_read() -> None:
    assert read_reviews(reviewed(), 2).texts == ("awful", "so so")


def test_who_does_not_let_models_learn_from_it_is_left_out() -> None:
    archive = reviewed()
    archive.agree(
        Consents.of(
            {user_ref("writer-1"): Consent(WRITTEN_AT, frozenset({Purpose.TRAINING})).number}
        )
    )

    assert read_reviews(archive, 100).texts == ("fine", "so so")


def test_who_asked_to_be_forgotten_is_left_out() -> None:
    archive = reviewed()
    archive.erase(Erasures.of({user_ref("writer-0"): WRITTEN_AT + 1_000}))

    assert read_reviews(archive, 100).texts == ("awful", "so so", "fine")


def test_an_empty_archive_has_none() -> None:
    assert len(read_reviews(memory_archive(), 100)) == 0
