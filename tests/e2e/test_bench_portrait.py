"""The portrait tells no less of planted shops than it did: `make bench-portrait ARGS=--quick`."""

from pathlib import Path

import pytest

from benchmarks.portrait.__main__ import Plan, measure
from benchmarks.portrait.floors import FLOORS
from benchmarks.portrait.goals import fallen
from portrait.text.text_encoder import BUNDLED
from sandbox.planted.words import LANGUAGES, Language


@pytest.mark.e2e
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_figure_falls_below_its_floor(language: Language, tmp_path: Path) -> None:
    measured = measure(Plan([language], [1], 300), BUNDLED, tmp_path)

    assert [*fallen(language, measured[language], FLOORS)] == []
