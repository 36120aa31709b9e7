"""Secrets by file: read as if they were in the environment, and refused in a sentence."""

from pathlib import Path

import pytest

from portrait.errors import SettingsInvalidError
from portrait.secret_files import LAID_DOWN, MOST_BYTES, is_exposed
from portrait.settings import SECRET, exposed, read_settings, variable

PASSWORD = "geheim-4711"  # noqa: S105 - of nobody
URL = f"redis://portrait:{PASSWORD}@redis:6379/0"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(URL)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("name", ["PORTRAIT_REDIS_URL_FILE", "portrait_redis_url_file"])
def test_a_secret_in_a_file_is_read_without_its_line_break(
    monkeypatch: pytest.MonkeyPatch, file: Path, name: str, end: str
) -> None:
    file.write_text(URL + end)
    monkeypatch.setenv(name, str(file))

    assert str(read_settings().redis_url) == URL


def test_every_secret_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in SECRET:
        file = tmp_path / name
        file.write_text(f"https://{PASSWORD}" if name == "schema_registry" else URL)
        monkeypatch.setenv(f"{variable(name)}_FILE", str(file))

    settings = read_settings()

    assert all(getattr(settings, name) for name in SECRET)
    assert settings.kafka_password is not None
    assert settings.kafka_password.get_secret_value() == URL


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (None, "there is no such file"),
        (b"", "the file is empty"),
        (b"\n", "the file is empty"),
        (b"\xff" + PASSWORD.encode(), "the file cannot be read"),
        (PASSWORD.encode() * MOST_BYTES, "the file is larger than a secret"),
    ],
    ids=["missing", "empty", "a line break", "no text", "large"],
)
def test_what_is_wrong_with_a_file_is_told_and_not_what_is_in_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, held: bytes | None, told: str
) -> None:
    file = tmp_path / "secret"
    if held is not None:
        file.write_bytes(held)
    monkeypatch.setenv("PORTRAIT_KAFKA_PASSWORD_FILE", str(file))

    with pytest.raises(SettingsInvalidError) as refused:
        read_settings()

    assert f"PORTRAIT_KAFKA_PASSWORD_FILE: {told}" in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_a_secret_is_given_once(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("PORTRAIT_REDIS_URL", URL)
    monkeypatch.setenv("PORTRAIT_REDIS_URL_FILE", str(file))

    with pytest.raises(SettingsInvalidError, match="there is PORTRAIT_REDIS_URL, too") as refused:
        read_settings()

    assert PASSWORD not in str(refused.value)


def test_a_folder_is_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PORTRAIT_KAFKA_PASSWORD_FILE", str(tmp_path))

    with pytest.raises(SettingsInvalidError, match="cannot be read"):
        read_settings()


def test_what_is_no_secret_has_no_file(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("PORTRAIT_PORT_FILE", str(file))

    with pytest.raises(SettingsInvalidError, match="PORTRAIT_PORT_FILE: there is no such setting"):
        read_settings()


def test_a_file_that_anybody_reads_is_told(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("PORTRAIT_REDIS_URL_FILE", str(file))
    unseen = exposed()

    file.chmod(0o644)

    assert (unseen, exposed()) == ([], ["PORTRAIT_REDIS_URL_FILE"])
    assert read_settings().redis_url


def test_what_a_container_was_given_is_its_own() -> None:
    assert not is_exposed(LAID_DOWN / "redis_url")
