"""Documents: what they must not leave out."""

import re

import pytest
import yaml

from portrait.adapters.redis_lists import PERSON_SECONDS
from portrait.audiences.behaviour import DAYS_KEPT
from portrait.catalogue.texts import SEARCH_TTL
from portrait.events.topics import (
    CONSENTS,
    DEAD,
    ERASURES,
    EVENT_TOPICS,
    IDENTITIES,
    IMPRESSIONS,
    ITEMS,
    NOTICES,
    OPINION_ALERTS,
    OPINIONS,
    SEGMENTS,
    UNWANTED,
    read_topics,
)
from portrait.opinions.voices import KEPT_DAYS
from portrait.rights.erasure_job import AUDIENCES_LAST
from portrait.settings import Settings
from portrait.training.learner import UNFINISHED
from service.live import MOST_ASKED
from tests.support.generated import OPERATIONS, ROOT, with_settings

ALERTS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
ALERT_NAMES = [rule["alert"] for group in ALERTS["groups"] for rule in group["rules"]]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "deploy/*.md", "docs/**/*.md")
    for path in ROOT.glob(pattern)
)


def test_the_settings_table_is_that_of_the_settings() -> None:
    document = OPERATIONS.read_text()

    assert document == with_settings(document), "run: python -m tests.support.generated"


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


def test_what_stays_after_an_erasure_ends_when_decision_0007_says() -> None:
    (page,) = (ROOT / "docs" / "decisions").glob("0007-*.md")
    said: dict[str, str] = dict(
        re.findall(r"^\| (.*?) \| (.*) \|$", page.read_text(), re.MULTILINE)
    )
    configs = {each.name: each.config for each in read_topics(ROOT / "deploy/topics.yml").topics}
    ms = {
        name: config.get("retention.ms") or config["delete.retention.ms"]
        for name, config in configs.items()
        if name not in {ITEMS, CONSENTS}
    }
    days = {name: int(each) // 86_400_000 for name, each in ms.items()}
    settings = Settings()

    def told(what: str) -> str:
        (when,) = [when for name, when in said.items() if name.startswith(what)]
        return when

    told_of = {*EVENT_TOPICS, IDENTITIES, DEAD, ERASURES, NOTICES, OPINIONS, OPINION_ALERTS}
    told_of |= {UNWANTED, IMPRESSIONS, SEGMENTS}
    assert set(days) == told_of
    assert told("the same on its topic").endswith(f"{days[UNWANTED]} days")
    assert f"until {MOST_ASKED} others" in told("who asked for a list")
    assert len({days[topic] for topic in (*EVENT_TOPICS, IDENTITIES)}) == 1
    assert told("event topics, dead letters").endswith(
        f"{days[EVENT_TOPICS[0]]} and {days[DEAD]} days"
    )
    assert told("posts, alerts").endswith(f"{days[OPINIONS]} and {days[OPINION_ALERTS]} days")
    assert told("which lists somebody got").endswith(f"{days[IMPRESSIONS]} days")
    assert told("that somebody entered").endswith(f"{days[SEGMENTS]} days")
    assert told("what came of lists").startswith(f"at once; else {PERSON_SECONDS // 86_400} days")
    assert told("that somebody wrote").endswith(f"{KEPT_DAYS + 1} days after they wrote it")
    assert told("that somebody was one of").startswith(f"stay; {DAYS_KEPT} days")
    assert told("that somebody is in an audience").startswith(
        f"{AUDIENCES_LAST.seconds // 3_600} h"
    )
    assert told("notices").endswith(f": {days[NOTICES]} day")
    assert told("the erasure itself").startswith(f"{days[ERASURES]} days")
    assert f"after {UNFINISHED.days} days" in told("unfinished trainings")
    assert told("items that only events know").startswith(f"{settings.unknown_ttl.days} days")
    assert f"{settings.unknown_items:,} others" in told("items that only events know")
    assert f"after {SEARCH_TTL.days} days" in told("vectors")
    assert told("the key").startswith(f"{settings.profile_ttl.days} days")
