"""Documents: what they must not leave out."""

import re

import pytest
import yaml

from portrait.settings import Settings
from tests.generated import OPERATIONS, ROOT, with_settings

ALERTS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
ALERT_NAMES = [rule["alert"] for group in ALERTS["groups"] for rule in group["rules"]]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "deploy/*.md", "docs/**/*.md")
    for path in ROOT.glob(pattern)
)


def test_the_settings_table_is_that_of_the_settings() -> None:
    document = OPERATIONS.read_text()

    assert document == with_settings(document), "run: python -m tests.generated"


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_alert_has_a_paragraph_on_what_to_do_and_none_is_left_over() -> None:
    headings = re.findall(r"^### (Portrait\w+)$", OPERATIONS.read_text(), re.MULTILINE)

    assert headings == ALERT_NAMES


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_relative_link_leads_to_a_file(page: str) -> None:
    path = ROOT / page
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text())

    missing = [each for each in targets if "://" not in each and not (path.parent / each).exists()]

    assert missing == []
