"""Logs: what went wrong is told with its place, and nobody's words, keys or passwords."""

import json
import logging
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from subprocess import CompletedProcess

import pytest
import structlog
from pydantic import ValidationError

from portrait.errors import RecordInvalidError, StoreUnavailableError
from portrait.logs import configure_logs, described
from portrait.settings import Settings
from sandbox.servers import ROOT
from tests.support.records import encoded, one_event, one_item

PRIVATE = "s3cret-4111"


def raised(error: Exception) -> Exception:
    """Return an error as whoever catches it sees it, with places and what led to it."""
    with pytest.raises(type(error)) as caught:
        _fail(error)
    return caught.value


def _fail(error: Exception) -> None:
    try:
        int(PRIVATE)
    except ValueError as cause:
        raise error from cause


def test_an_error_of_a_library_is_told_by_class_and_place_alone() -> None:
    lines = described(raised(RuntimeError(PRIVATE)))

    assert [line.split(" at ")[0] for line in lines] == [
        "builtins.RuntimeError",
        "builtins.ValueError",
    ]
    assert all("test_logs.py:" in line for line in lines)
    assert PRIVATE not in "".join(lines)


def test_an_error_of_ours_says_what_it_means() -> None:
    (line, _) = described(raised(StoreUnavailableError()))

    assert "StoreUnavailableError: Redis did not answer: try again later. at" in line


def test_every_member_of_a_group_is_told_up_to_a_bound() -> None:
    group = ExceptionGroup(PRIVATE, [ExceptionGroup(PRIVATE, [KeyError(PRIVATE)])] * 99)

    lines = described(raised(group))

    assert len(lines) == 8
    assert "builtins.KeyError" in lines[2]
    assert PRIVATE not in "".join(lines)


def test_a_library_that_logs_an_error_is_told_discreetly(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    try:
        configure_logs("text")
        logging.getLogger("library").error("went wrong", exc_info=raised(RuntimeError(PRIVATE)))
    finally:
        root.handlers = before

    told = capsys.readouterr().out
    assert told.startswith("library: went wrong\nbuiltins.RuntimeError at ")
    assert PRIVATE not in told


def test_beside_json_a_library_speaks_json(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    try:
        configure_logs("json")
        logging.getLogger("library").warning("two\nlines", exc_info=raised(RuntimeError(PRIVATE)))
    finally:
        root.handlers = before

    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["event"], told["library"], told["level"]) == ("library_said", "library", "warning")
    assert told["said"].startswith("two\nlines\nbuiltins.RuntimeError at ")
    assert PRIVATE not in line


def test_lines_go_to_what_is_standard_output_when_they_are_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with StringIO() as former, redirect_stdout(former):
        configure_logs("text")

    structlog.get_logger().info("said_later")

    assert "said_later" in capsys.readouterr().out


@pytest.mark.parametrize(
    "broken", [encoded(occurred_at=PRIVATE, event_id=None), b'{"' + PRIVATE.encode()]
)
def test_no_error_of_reading_leads_back_to_what_was_sent(broken: bytes) -> None:
    with pytest.raises(RecordInvalidError) as event:
        one_event(broken)
    with pytest.raises(RecordInvalidError) as item:
        one_item(broken)

    for refusal in (event, item):
        assert PRIVATE not in str(refusal.value)
        assert refusal.value.__cause__ is None
        assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_a_setting_that_is_wrong_is_named_and_not_repeated() -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({"redis_url": f"redi://:{PRIVATE}@host/0"})

    assert "redis_url" in str(refusal.value)
    assert PRIVATE not in str(refusal.value)


@pytest.mark.parametrize("program", [("workers", "update"), ("service",)], ids=str)
def test_a_process_that_cannot_start_says_why_and_no_password(program: tuple[str, ...]) -> None:
    ended = start(*program, PORTRAIT_REDIS_URL=f"redi://:{PRIVATE}@host/0")

    told = ended.stdout + ended.stderr
    assert ended.returncode == 2
    assert "PORTRAIT_REDIS_URL: the URL's scheme should be" in told
    assert PRIVATE not in told
    assert "Traceback" not in told


def start(*program: str, **environment: str) -> CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, "-m", *program],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
