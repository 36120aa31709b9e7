"""Health: what a worker says of itself."""

from starlette.testclient import TestClient

from portrait.stream import Notes
from workers.health import health_app


def test_a_worker_that_is_ready_tells_what_befell_its_log() -> None:
    notes = Notes()
    client = TestClient(health_app({}, notes))

    assert client.get("/readyz").json()["notes"] == []
    notes.add("a log began again")

    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["notes"]) == (200, ["a log began again"])
