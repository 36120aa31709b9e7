"""The service's benchmark: its histogram, its generator, what it asks."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.service import asks
from benchmarks.service.generate import Outcome, Plan, generate
from benchmarks.service.histogram import Histogram
from benchmarks.service.measure import LEAST_SENT, half_of
from benchmarks.service.shop import open_shop
from service.recommendations.schemas import RecommendationRequest

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
REQUEST = "GET / HTTP/1.1\r\n\r\n"


@contextmanager
def server(answer: Callable[[int], bytes]) -> Iterator[int]:
    """Answer one connection's requests, by their number; nothing closes it. Yields the port."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            number = 0
            while connection.recv(65_536):
                written = answer(number)
                if not written:
                    return
                connection.sendall(written)
                number += 1

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=300), st.sampled_from([0.5, 0.99, 1.0]))
def test_a_quantile_is_exact_to_a_thousandth(seconds: list[float], share: float) -> None:
    histogram = Histogram()
    for value in seconds:
        histogram.add(value)

    exact = float(np.quantile(seconds, share, method="inverted_cdf"))
    assert histogram.quantile(share) == pytest.approx(exact, rel=2e-3, abs=2e-6)
    assert len(histogram) == len(seconds)


def test_of_nothing_there_is_no_quantile() -> None:
    assert Histogram().quantile(0.5) == 0


def test_an_open_loop_asks_at_its_rate_whatever_is_answered() -> None:
    with server(lambda _number: ANSWER) as port:
        outcome = generate(Plan(port, [REQUEST], 0.5, 1, 100))

    assert outcome.rate == pytest.approx(100, rel=0.1)
    assert outcome.statuses == {"200": outcome.answered}
    assert outcome.failed == 0


def test_half_of_hardly_any_capacity_is_measured_all_the_same() -> None:
    seldom = Outcome(0.1, 0, 0, 0, 1, 0, {})
    with server(lambda _number: ANSWER) as port:
        outcome = generate(Plan(port, [REQUEST], 0.2, 1, half_of(seldom, 0.2)))

    assert outcome.statuses == {"200": LEAST_SENT - 1}
    assert half_of(replace(seldom, rate=80), 0.2) == 40


def test_a_latency_counts_from_when_the_request_was_due() -> None:
    def slow(number: int) -> bytes:
        time.sleep(0.3 if number == 25 else 0)  # of 100 a second: thirty are due meanwhile
        return ANSWER

    with server(slow) as port:
        outcome = generate(Plan(port, [REQUEST], 0.5, 1, 100))

    assert outcome.p50_ms > 50  # all those that had to wait, not the slow one alone
    assert outcome.p999_ms > 250


def test_a_closed_loop_asks_as_fast_as_it_is_answered() -> None:
    def slow(_number: int) -> bytes:
        time.sleep(0.01)
        return ANSWER

    with server(slow) as port:
        outcome = generate(Plan(port, [REQUEST], 0.5, 1))

    assert 10 < outcome.rate <= 100


def test_an_answer_in_pieces_is_one_answer() -> None:
    def halves(_number: int) -> bytes:
        time.sleep(0.005)
        return ANSWER.replace(b"2", b"70000").replace(b"hi", b"x" * 70_000)

    with server(halves) as port:
        outcome = generate(Plan(port, [REQUEST], 0.3, 1))

    assert outcome.failed == 0
    assert outcome.answered > 0


def test_every_request_is_one_that_the_service_takes() -> None:
    shop = open_shop(200, 20, is_learned=False)

    requests = {kind: asks.recommendations(kind, shop)[0] for kind in asks.RECOMMENDATIONS}
    for request in (*requests.values(), *asks.costliest(shop)[:2]):
        head, _, body = request.partition("\r\n\r\n")
        RecommendationRequest.model_validate_json(body)
        assert f"Content-Length: {len(body)}" in head
    assert json.loads(requests["stranger"].partition("\r\n\r\n")[2]) == {}


def test_a_profile_that_is_read_once_is_none_of_those_read_again() -> None:
    shop = open_shop(20, 30, is_learned=False)

    again, once = asks.profiles(shop, again=True), asks.profiles(shop, again=False)

    assert len({*again, *once}) == len(again) + len(once) == 30
