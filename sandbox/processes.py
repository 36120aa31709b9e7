"""Processes of ours on this machine: watched while they run, stopped at the end, never orphaned.

An end that nobody asked for is an error with the last lines of the process's log. Whoever kills
a process on purpose does it by `Process.kill` and the like, or by `kill`, or waits for its end.
"""

import atexit
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

STOP_SECONDS = 30.0  # a worker drains its batch first
FINISH_SECONDS = 300.0  # for a command that ends by itself, on a busy machine
LINES = 40  # of a log, in an error
WORDS = 4  # of a command line, in an error: `python -m workers update`
SURVIVABLE = {signal.SIGSTOP, signal.SIGCONT}
ROOT = Path(__file__).parent.parent
# Of this session. Global, for whoever waits, for whatever, is to notice that any of them has died.
_running: "list[Process]" = []


class EndedError(RuntimeError):
    """A process ended that was to go on, or failed that was to finish."""

    def __init__(self, *processes: "Process") -> None:
        super().__init__("\n".join(process.obituary() for process in processes))


class Process(subprocess.Popen[bytes]):
    """A process that writes into a log, and whether its end was meant or seen by who holds it."""

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        self._name = " ".join(Path(part).name for part in command[:WORDS])
        log.touch()
        self._start = log.stat().st_size  # others may have written before
        self._is_known = False
        self._begin(command, {**os.environ, **(environment or {})})

    def _begin(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        with self.log.open("ab") as output:
            super().__init__(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=environment,
                cwd=ROOT,
                start_new_session=True,  # Ctrl-C reaches us first, and we stop it in order
            )

    def send_signal(self, sig: int) -> None:
        """Send a signal; whoever sends one that ends it means its end."""
        self.expect_end(because=sig not in SURVIVABLE)
        super().send_signal(sig)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return its exit code: whoever does so knows of it."""
        code = self._await_code(timeout)
        self.expect_end()
        return code

    def poll(self) -> int | None:
        """Return its exit code, if it has ended: whoever asks knows of it."""
        code = self._look_for_code()
        self.expect_end(because=code is not None)
        return code

    def expect_end(self, *, because: bool = True) -> None:
        """Take its end from now on for meant."""
        self._is_known |= because

    def is_missed(self) -> bool:
        """Say whether it has ended and nobody knows why."""
        return not self._is_known and self._look_for_code() is not None

    def _await_code(self, timeout: float | None) -> int:
        return super().wait(timeout)

    def _look_for_code(self) -> int | None:
        return super().poll()

    def obituary(self) -> str:
        """Return how it ended, and the end of its log."""
        code = self.returncode
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"`{self._name}` ended by {how}. {self.log} ends:\n{self.last_lines()}"

    def last_lines(self, count: int = LINES) -> str:
        """Return the end of what it has written."""
        with self.log.open(errors="replace") as lines:
            lines.seek(self._start)
            return "".join(deque(lines, count)) or "(it is empty)"


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str] | None = None,
    kind: type[Process] = Process,
) -> Iterator[Process]:
    """Run a process with its output in a file; at the end ask it to stop, then make it.

    Raises:
        EndedError: It had failed, and nobody meant that.
    """
    process = _watched(partial(kind, command, log, environment))
    try:
        yield process
    except BaseException as error:
        if process.is_missed() and not isinstance(error, EndedError):
            error.add_note(process.obituary())
        raise
    else:
        if process.is_missed() and process.returncode:
            raise EndedError(process)
    finally:
        stop(process)


def finish(
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str] | None = None,
    seconds: float = FINISH_SECONDS,
) -> None:
    """Run a command to its end.

    Raises:
        EndedError: It failed.
        TimeoutExpired: It went on for too long; it is stopped.
    """
    with running(command, log, environment) as process:
        if process.wait(seconds):
            raise EndedError(process)


def fail_if_missed() -> None:
    """Look after everything that runs.

    Raises:
        EndedError: One of them has ended, and nobody meant that.
    """
    if ended := missed():
        raise EndedError(*ended)


def missed() -> list[Process]:
    """Return who of this session has ended, and nobody meant that; the first started first."""
    return [process for process in _running if process.is_missed()]


def started() -> list[Process]:
    """Return what this session has started and not stopped; some may have ended by themselves."""
    return [*_running]


def last_lines(count: int = 5) -> str:
    """Return the end of the log of everything that runs."""
    return "\n".join(f"{each.log}:\n{each.last_lines(count)}" for each in _running)


def kill(id: int) -> None:
    """Kill a process of this session by its id, on purpose, and see it gone."""
    (process,) = [each for each in _running if each.pid == id]
    process.kill()
    process.wait()


def stop(process: Process) -> None:
    """Ask with SIGTERM; after a while insist with SIGKILL."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)  # or one that was stopped would not hear it
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process in _running:
        _running.remove(process)
        _tell_guard(f"-{process.pid}")


def python(*arguments: str) -> list[str]:
    """Return the command line of a module of ours in this environment."""
    return [sys.executable, "-m", *arguments]


def _watched(start: Callable[[], Process]) -> Process:
    _guard()  # before the process: it is never without
    process = start()
    _running.append(process)
    _tell_guard(f"+{process.pid}")
    return process


def _tell_guard(line: str) -> None:
    pipe = _guard().stdin
    assert pipe is not None  # noqa: S101 - it was asked for
    pipe.write(f"{line}\n".encode())
    pipe.flush()


@cache
def _guard() -> subprocess.Popen[bytes]:
    """Start this session's guard; it ends with the session."""
    guard = subprocess.Popen(  # noqa: S603 - our own command line
        python("sandbox.guard"),
        stdin=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,  # what ends this session by its group does not end the guard
    )
    atexit.register(guard.communicate)  # closes its input, and waits for it
    return guard
