"""Commands: help at once, every wrong setting in a sentence, and no root loads too much."""

import ast
import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from portrait.__main__ import commands
from portrait.command import FAILED, MISUSED, Command, parser_of
from portrait.errors import SettingsInvalidError
from portrait.settings import Settings, variable
from sandbox.ports import free_port
from sandbox.processes import ROOT, python
from service.access.command import run_task
from tests.support.memory_keys import MemoryAudit, MemoryKeys
from tests.support.pace import times_slower

COMMANDS = {command.name: command for command in commands()}
SECRET = "geheim-4711"  # noqa: S105 - nobody's
HEAVY = ("torch", "transformers", "pandas", "mlflow", "sklearn")
RARE = ("fastavro", "google.protobuf", "httpx")  # what only a shop with a schema registry needs
PATIENCE = 240  # seconds: what trains loads for ten of them, on a machine that is busy for a minute
HANDED = (  # who is handed the settings
    *(
        "assist.roots.",
        "service.roots.",
        "workers.roots.",
        "portrait.reading.dialect",
        "portrait.adapters.kafka_client",
    ),
    "portrait.tls",
)
HELP_SECONDS = 1.5  # of processor time, so that other work on the machine does not count


def run(
    *arguments: str, module: str = "portrait", **settings: str
) -> subprocess.CompletedProcess[str]:
    others = {name: value for name, value in os.environ.items() if "PORTRAIT" not in name}
    return subprocess.run(  # noqa: S603 - our own
        python(module, *arguments),
        env=others | settings,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def source_of(module: str) -> Path:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


def settings_read_in(module: str, seen: set[str]) -> set[str]:
    """Return the fields of settings that a root and what it hands them to look at."""
    if module in seen:
        return set()
    seen.add(module)
    tree = ast.parse(source_of(module).read_text())
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found |= (
                {node.attr} & {*Settings.model_fields} if node.value.id == "settings" else set()
            )
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(HANDED):
            found |= settings_read_in(str(node.module), seen)
    return found


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_help_says_what_a_command_is_for_and_which_settings_it_reads(command: Command) -> None:
    told = " ".join(parser_of("portrait", [command]).format_help().split())

    assert command.summary in told
    for name in command.reads:
        assert variable(name) in told
        assert " ".join(str(Settings.model_fields[name].description).split()) in told


@pytest.mark.parametrize(
    "command",
    [each for each in COMMANDS.values() if each.reads],
    ids=lambda command: command.name,
)
def test_a_command_says_all_the_settings_that_it_reads_and_no_others(command: Command) -> None:
    read = settings_read_in(command.root, set())

    assert {*command.reads} == read | {"log_format"}  # which every command reads


def test_every_setting_is_read_by_some_command() -> None:
    assert {name for each in COMMANDS.values() for name in each.reads} == {*Settings.model_fields}


def test_help_is_there_at_once_and_names_every_command() -> None:
    before = os.times()
    ended = run("--help")
    spent = os.times()

    assert ended.returncode == 0
    assert all(name in ended.stdout for name in COMMANDS)
    assert spent.children_user - before.children_user < HELP_SECONDS * times_slower()


@pytest.mark.parametrize(
    "name", ["archive", "topics", "replay_dead", "dead_letters", "try_out", "imports"]
)
def test_what_reads_no_text_starts_without_torch_and_pandas(name: str) -> None:
    asked = (
        f"import sys, workers.roots.{name}; print([m for m in {HEAVY + RARE} if m in sys.modules])"
    )

    ended = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert ended.stdout == "[]\n"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"PORTRAIT_ENCODR": SECRET}, "PORTRAIT_ENCODR: there is no .* did you mean PORTRAIT_ENC"),
        ({"PORTRAIT_XYZZY": SECRET}, "PORTRAIT_XYZZY: there is no such setting; .*--help"),
        ({"PORTRAIT_BATCH_WAIT": SECRET}, r"PORTRAIT_BATCH_WAIT: should be a duration.*PT0\.05S"),
        ({"PORTRAIT_ALLOWED_HOSTS": SECRET}, "PORTRAIT_ALLOWED_HOSTS: should be a list, as JSON"),
        ({"PORTRAIT_TRAIN_THRESHOLDS": "{" + SECRET}, "PORTRAIT_TRAIN_THRESHOLDS: should be JSON"),
        (
            {"PORTRAIT_TRAIN_CRON": f"at {SECRET}"},
            "PORTRAIT_TRAIN_CRON: no cron expression; one is",
        ),
        ({"PORTRAIT_TRAIN_CRON": ""}, "PORTRAIT_TRAIN_CRON: no cron expression"),
        ({"PORTRAIT_SCHEMA_REGISTRY": f"ann:{SECRET}@x"}, "PORTRAIT_SCHEMA_REGISTRY: the URL's s"),
        ({"PORTRAIT_SCHEMA_REGISTRY": SECRET}, "PORTRAIT_SCHEMA_REGISTRY: should be a valid URL"),
        ({"PORTRAIT_REDIS_URL": f"http://:{SECRET}@x"}, "PORTRAIT_REDIS_URL: the URL's scheme"),
        ({"PORTRAIT_PORT": "99999", "PORTRAIT_HOTS": SECRET}, "HOTS.*\n.*PORT: should be less"),
        ({"PORTRAIT_KAFKA_PASSWORD_FILE": SECRET}, "KAFKA_PASSWORD_FILE: there is no such file"),
        ({"PORTRAIT_KAFKA_SECURITY": "SASL_SSL"}, "KAFKA_USERNAME: .*=SASL_SSL asks for a user"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_told_in_a_sentence_that_does_not_repeat_it(
    settings: Mapping[str, str], told: str
) -> None:
    for module, arguments in (("portrait", ["update"]), ("workers", ["index"]), ("service", [])):
        ended = run(*arguments, module=module, **settings)

        assert ended.returncode == MISUSED
        assert re.search(told, ended.stderr)
        assert len(ended.stderr.splitlines()) == len(settings)
        assert SECRET not in ended.stderr + ended.stdout


def test_a_secret_that_anybody_may_read_is_told_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(SECRET)
    file.chmod(0o644)

    ended = run(
        "topics",
        PORTRAIT_KAFKA_PASSWORD_FILE=str(file),
        PORTRAIT_KAFKA_BOOTSTRAP=f"127.0.0.1:{free_port()}",
        PORTRAIT_LOG_FORMAT="json",
    )

    warned = json.loads(ended.stderr.splitlines()[0])
    assert warned["event"] == "secret_exposed"
    assert warned["setting"] == "PORTRAIT_KAFKA_PASSWORD_FILE"
    assert SECRET not in ended.stderr


def test_a_wrong_setting_that_a_worker_finds_out_later_is_misuse_as_well() -> None:
    wrong = {"PORTRAIT_TRAIN_THRESHOLDS": '{"height": 1}', "PORTRAIT_TRAIN_NICE": "0"}
    nowhere = {"PORTRAIT_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}

    ended = run("train", PORTRAIT_KAFKA_BOOTSTRAP=f"127.0.0.1:{free_port()}", **wrong, **nowhere)

    assert ended.returncode == MISUSED
    assert "PORTRAIT_TRAIN_THRESHOLDS names what there is not" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("name", ["topics", "replay-dead", "dead-letters"])
@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_what_is_done_once_says_why_kafka_cannot_be_reached_and_ends(name: str, host: str) -> None:
    at = f"{host}:{free_port()}"

    ended = run(name, PORTRAIT_KAFKA_BOOTSTRAP=at, PORTRAIT_LOG_FORMAT="json")

    cause = "nobody listens there" if host == "127.0.0.1" else "the host is not known"
    assert ended.returncode == FAILED
    assert f"PORTRAIT_KAFKA_BOOTSTRAP: Kafka cannot be reached ({at}: {cause})" in ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr


def test_a_traceback_is_there_for_who_asks() -> None:
    ended = run("topics", "--debug", PORTRAIT_KAFKA_BOOTSTRAP=f"127.0.0.1:{free_port()}")

    assert ended.returncode == FAILED
    assert "Traceback" in ended.stderr


def test_a_worker_says_at_once_what_it_waits_for_and_no_password() -> None:
    redis, kafka = free_port(), free_port()
    environment = {
        **os.environ,
        "PORTRAIT_REDIS_URL": f"redis://:{SECRET}@127.0.0.1:{redis}/0",
        "PORTRAIT_KAFKA_BOOTSTRAP": f"127.0.0.1:{kafka}",
        "PORTRAIT_LOG_FORMAT": "json",
    }
    with subprocess.Popen(  # noqa: S603 - our own
        python("portrait", "update"), env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        lines = [worker.stdout.readline() for _ in range(3)]
        worker.kill()

    assert f"127.0.0.1:{redis}" in lines[0]
    assert f"127.0.0.1:{kafka}" in lines[0]
    assert f"PORTRAIT_REDIS_URL: Redis cannot be reached (127.0.0.1:{redis}" in lines[1]
    assert f"PORTRAIT_KAFKA_BOOTSTRAP: Kafka cannot be reached (127.0.0.1:{kafka}" in lines[2]
    assert SECRET not in "".join(lines)


def test_a_shell_can_complete_commands() -> None:
    ended = run("--print-completion", "bash")

    assert ended.returncode == 0
    assert "dead-letters" in ended.stdout


def test_the_version_is_there_whatever_the_settings_are() -> None:
    ended = run("version", PORTRAIT_PORT="-1")

    assert ended.returncode == 0
    assert ended.stdout.startswith("portrait ")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("5", 5),
        ("0.05", 0.05),
        ("500ms", 0.5),
        ("5s", 5),
        ("10m", 600),
        ("2H", 7_200),
        ("7d", 604_800),
        ("PT5S", 5),
        ("00:00:05", 5),
    ],
)
def test_a_duration_may_be_written_as_people_do(
    written: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTRAIT_BATCH_WAIT", written)

    assert Settings().batch_wait.total_seconds() == seconds


def test_what_is_done_once_fails_in_a_sentence() -> None:
    ended = run("try", "/nowhere.csv")

    assert ended.returncode == 1
    assert ended.stderr == "/nowhere.csv: there is no such file, or none in it\n"


def test_a_port_that_somebody_has_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(module="service", PORTRAIT_PORT=str(port))

    assert ended.returncode == MISUSED
    assert f"PORTRAIT_PORT: 127.0.0.1:{port} cannot be had (address already in use)." in (
        ended.stdout + ended.stderr
    )


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--scope", "profiles:read", "--origin", "https://a.b"), "any visitor can read it"),
        (("--scope", "recommend", "--origin", "https://a.b/"), "--origin: As a browser writes it"),
        (("--scope", "recommend", "--origin", "https://a.b:443"), "--origin: As a browser"),
        (("--scope", "recommend", "--expires", "soon"), "--expires: A time as `90d`"),
        (("--scope", "recommend", "--expires", "9999999999d"), "--expires: A time as `90d`"),
        (("--scope", "recommend", "--expires", "0"), "--expires: It would have expired"),
        (("--scope", "recommend", "--rate", "nan"), "--rate: From 0.001 to 1,000,000"),
        (("--scope", "recommend", "--rate", "1e-300"), "--rate: From 0.001 to 1,000,000"),
    ],
)
def test_a_key_that_cannot_be_is_refused_in_a_sentence(asked: tuple[str, ...], told: str) -> None:
    options = parser_of("portrait", commands()).parse_args(["keys", "create", "pages", *asked])

    with pytest.raises(SettingsInvalidError, match=re.escape(told)):
        asyncio.run(run_task(MemoryKeys(), MemoryAudit(), options))


def test_a_key_whose_name_cannot_be_is_told_how_names_are() -> None:
    options = parser_of("portrait", commands()).parse_args(
        ["keys", "create", "<pages>", "--scope", "recommend"]
    )

    with pytest.raises(SettingsInvalidError, match="NAME: Up to 64 letters"):
        asyncio.run(run_task(MemoryKeys(), MemoryAudit(), options))


def test_keys_are_made_listed_and_revoked_on_the_command_line() -> None:
    keys, audit = MemoryKeys(), MemoryAudit()

    def told(*arguments: str) -> list[str]:
        options = parser_of("portrait", commands()).parse_args(["keys", *arguments])
        return asyncio.run(run_task(keys, audit, options))

    assert "no keys yet" in told("list")[0]
    (token,) = told("create", "checkout", "--scope", "recommend", "--expires", "90d")
    (id,) = keys.keys
    assert token.startswith(f"portrait_{id}_")
    assert "good until" in told("list")[1]
    assert "opens nothing" in told("revoke", id)[0]
    assert "revoked" in told("list")[1]
    assert [(line.who, line.what) for line in audit.lines] == [
        ("command line", "portrait keys create"),
        ("command line", "portrait keys revoke"),
    ]
    assert all(id in line.about for line in audit.lines)
