"""What the tests stand on: nothing dies unseen, no port is fought over, nobody is left behind."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer

import pytest

from sandbox import apache_kafka
from sandbox.apache_kafka import start_apache_kafka
from sandbox.listening import listening
from sandbox.ports import free_port
from sandbox.processes import EndedError, Process, finish, kill, running
from sandbox.servers import CHOICE, start_kafka, start_redis
from tests.support.processes import POLL_SECONDS, until

MOMENT = 0.3  # seconds
LIVES = "import time; print('I am up', flush=True); time.sleep(600)"
FAILS = "import sys; print('the cause'); sys.exit(3)"
LISTENS = """
import os, socket, sys, time
print(os.getpid(), flush=True)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
    time.sleep(600)
"""
STARTS = """
import sys, time
from pathlib import Path
from sandbox.processes import running
with running([sys.executable, "-c", sys.argv[2]], Path(sys.argv[1])) as process:
    print(process.pid, flush=True)
    time.sleep(600)
"""


def script(text: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", text, *map(str, arguments)]


def is_gone(id: int) -> bool:
    """Say whether a process has ended, whether or not anybody has heard of it."""
    try:
        state = Path(f"/proc/{id}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def wait_for(what: Callable[[], object]) -> None:
    asyncio.run(until(what, "it is so"))


@contextmanager
def taken(port: int) -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", port)) as server:
        yield server


def test_whoever_waits_learns_of_a_death_at_the_next_look(tmp_path: Path) -> None:
    looks: list[bool] = []

    def never(process: Process) -> bool:
        looks.append(is_gone(process.pid))
        return False

    with (
        pytest.raises(EndedError, match=r"exit code 3(.|\n)*the cause"),
        running(script(FAILS), tmp_path / "log") as process,
    ):
        wait_for(lambda: never(process))

    assert sum(looks) <= 2
    assert POLL_SECONDS < 1


def test_that_a_dead_process_does_not_answer_is_said_by_its_log(tmp_path: Path) -> None:
    def refused(process: Process) -> bool:
        if is_gone(process.pid):
            raise ConnectionRefusedError
        return False

    with (
        pytest.raises(EndedError, match="the cause"),
        running(script(FAILS), tmp_path / "log") as process,
    ):
        wait_for(lambda: refused(process))


def test_the_log_of_another_that_wrote_into_the_same_file_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("of an earlier one\n")

    with pytest.raises(EndedError) as ended, running(script(FAILS), tmp_path / "log") as process:
        wait_for(lambda: is_gone(process.pid) and None)

    assert "earlier" not in str(ended.value)


def test_an_end_that_was_meant_disturbs_nobody_who_waits(tmp_path: Path) -> None:
    looks = iter([False, False, True])
    with running(script(LIVES), tmp_path / "log") as process:
        process.kill()
        process.wait()

        wait_for(lambda: next(looks))


def test_an_end_can_be_waited_for(tmp_path: Path) -> None:
    with running(script(FAILS), tmp_path / "log") as process:
        wait_for(lambda: process.poll() == 3)


def test_what_has_failed_behind_the_back_of_a_test_fails_it(tmp_path: Path) -> None:
    with (
        pytest.raises(EndedError, match="the cause"),
        running(script(FAILS), tmp_path / "log") as process,
    ):
        wait_for(lambda: is_gone(process.pid))


def test_any_error_is_told_with_the_death_behind_it(tmp_path: Path) -> None:
    def fail(process: Process) -> None:
        wait_for(lambda: is_gone(process.pid))
        raise ValueError

    with (
        pytest.raises(ValueError, match="the cause"),
        running(script(FAILS), tmp_path / "log") as process,
    ):
        fail(process)


def test_a_command_that_fails_is_told_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(EndedError, match="the cause"):
        finish(script(FAILS), tmp_path / "log")


def test_a_server_that_dies_is_not_waited_for(tmp_path: Path) -> None:
    with (
        pytest.raises(EndedError, match="the cause"),
        listening(lambda _: script(FAILS), tmp_path / "log"),
    ):
        pass


def test_a_redis_killed_and_started_again_at_once_gets_its_port(tmp_path: Path) -> None:
    port = free_port()
    for _ in range(5):
        with start_redis(tmp_path, port), socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"INFO server\r\n")
            kill(int(client.recv(10_000).partition(b"process_id:")[2].split()[0]))


def test_a_broker_that_nobody_knows_is_not_replaced_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CHOICE, "Apache")

    with pytest.raises(ValueError, match=r"KAFKA: .*'Apache'; choose one of embedded, apache"):
        start_kafka(tmp_path)


def test_an_apache_kafka_that_was_not_fetched_says_how_to_fetch_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apache_kafka, "BUILT", tmp_path)

    with pytest.raises(FileNotFoundError, match="make kafka"), start_apache_kafka(tmp_path):
        pass


def test_who_starts_a_server_again_knew_that_it_was_gone(tmp_path: Path) -> None:
    log, looks = tmp_path / "log", iter([False, True])

    def command(port: int) -> list[str]:
        return script(LISTENS, port)

    with listening(command, log, free_port()) as port:
        wait_for(log.read_text)
        os.kill(int(log.read_text()), signal.SIGKILL)
        with listening(command, log, port):
            wait_for(lambda: next(looks))


def test_a_port_that_is_taken_is_waited_for(tmp_path: Path) -> None:
    port = free_port()
    with taken(port) as other:
        Timer(MOMENT, lambda: other.shutdown(socket.SHUT_RDWR)).start()
        with start_redis(tmp_path, port) as url:
            assert str(port) in url


def test_a_server_whose_port_somebody_takes_meanwhile_gets_another(tmp_path: Path) -> None:
    tried: list[int] = []
    with ExitStack() as others:

        def command(port: int) -> list[str]:
            if not tried:
                others.enter_context(taken(port))
            tried.append(port)
            return script(LISTENS, port)

        with listening(command, tmp_path / "log") as port:
            assert port == tried[-1]

    assert len(set(tried)) == 2


def test_two_sessions_never_choose_the_same_port(tmp_path: Path) -> None:
    port = free_port()

    finish(
        script(f"from sandbox.ports import free_port; print(free_port({port}))"), tmp_path / "other"
    )

    assert int((tmp_path / "other").read_text()) != port
    assert free_port(port) != port


def test_one_that_was_stopped_in_its_work_leaves_when_told_to(tmp_path: Path) -> None:
    with running(script(LIVES), tmp_path / "log") as process:
        wait_for((tmp_path / "log").read_text)
        process.send_signal(signal.SIGSTOP)

    assert process.returncode == -signal.SIGTERM


def test_nobody_is_left_behind_by_a_session_that_is_killed(tmp_path: Path) -> None:
    session, left = tmp_path / "session", tmp_path / "left"
    with running(script(STARTS, left, LIVES), session) as process:
        wait_for(lambda: left.exists() and left.read_text())
        id = int(session.read_text())
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

        wait_for(lambda: is_gone(id))
