"""What is committed to Kafka beside an offset names its log, or says nothing."""

import pytest

from portrait.adapters.kafka_offsets import log_of, written
from portrait.events.progress import LARGEST_LOG, LogName


@pytest.mark.parametrize("log", [LogName(), LogName(2, "0c"), LogName(LARGEST_LOG, "ff")])
def test_the_name_of_a_log_comes_back(log: LogName) -> None:
    assert log_of(written(log)) == log


@pytest.mark.parametrize("damaged", [None, "", "x 0c", "-1 0c", "32768 0c", "9" * 30, "²"])
def test_what_names_no_log_is_of_the_first(damaged: str | None) -> None:
    assert log_of(damaged) == LogName()
