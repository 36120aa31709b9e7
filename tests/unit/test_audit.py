"""The audit: a database that is not reached is no clean bill."""

import pytest

from tests.support.audit import NOT_REACHED, verdict

SOUND = {"name": "httpx", "version": "0.28.1", "vulns": []}
HOLLOW = {
    "name": "jinja2",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"], "aliases": [], "description": ""}],
}
UNKNOWN = {"name": "ours", "skip_reason": "not found on PyPI"}


@pytest.mark.parametrize("packages", [[], [UNKNOWN, UNKNOWN]])
def test_where_nothing_was_audited_it_is_said(packages: list[dict[str, object]]) -> None:
    assert verdict(packages) == (0, NOT_REACHED)


def test_a_hole_fails_and_says_what_mends_it() -> None:
    code, said = verdict([SOUND, HOLLOW])

    assert code == 1
    assert "jinja2 2.0: PYSEC-1 (mended in 2.1)" in said


def test_what_the_database_does_not_know_is_named() -> None:
    code, said = verdict([SOUND, UNKNOWN])

    assert code == 0
    assert said == "1 packages audited; not known to it: ours."
