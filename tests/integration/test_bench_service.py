"""The service's benchmark, with real servers and a small shop: it runs, and says what it should."""

import json

import pytest

from benchmarks.service.__main__ import main

KINDS = ["GET /profile", "session explained", "ruled", "fairness", "access", "crowd"]


@pytest.mark.e2e
def test_the_last_line_holds_rates_and_latencies(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--quick", "--kinds", *KINDS])

    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    measured = figures["learned 500"]
    assert list(measured) == ["held", *KINDS]
    assert measured["held"]["megabytes"] > 0
    for kind in KINDS[:2]:
        assert measured[kind]["capacity"] > 0
        assert measured[kind]["p50_ms"] <= measured[kind]["p99_ms"] <= measured[kind]["p999_ms"]
        assert measured[kind]["statuses"] == {"200": measured[kind]["answered"]}
        assert measured[kind]["bare"]["answered"] > 0
    assert measured["GET /profile"]["of_bare"] > 0
    for ruled in measured["ruled"].values():
        assert ruled["statuses"] == {"200": ruled["answered"]}
        assert ruled["without"]["answered"] > 0
    assert measured["fairness"]["alone"]["p99_ms"] > 0
    assert measured["fairness"]["costliest"]["failed"] == 0
    assert measured["access"]["of_open"] > 0
    assert measured["access"]["of_open_processor"] >= 0
    assert set(measured["access"]["statuses"]) == {"200"}
    assert set(measured["crowd"]["session"]["statuses"]) <= {"200", "503"}
    assert measured["crowd"]["GET /profile"]["failed"] == 0
