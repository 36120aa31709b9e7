"""The hub: what is nowhere is told in a sentence, within seconds."""

import time
from pathlib import Path

import pytest
from huggingface_hub import constants

from portrait.errors import EncoderInvalidError
from portrait.text.hub import require_obtainable
from sandbox.ports import free_port
from tests.support.tiny_bert import write_tiny_bert


@pytest.fixture(autouse=True)
def hub_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{free_port()}")
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("no-such-organisation/no-such-bert", "no folder here, and the hub at 127.0.0.1 cannot"),
        ("no-such-bert", "cannot be reached"),
        ("/no/such/folder", "no such folder"),
        ("./bert", "no such folder"),
        ("a/b/c", "no such folder"),
    ],
)
def test_what_is_nowhere_is_told_at_once(source: str, told: str) -> None:
    began = time.monotonic()

    with pytest.raises(EncoderInvalidError, match=told):
        require_obtainable(source)

    assert time.monotonic() - began < 10


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(EncoderInvalidError, match=r"has no config\.json"):
        require_obtainable(str(tmp_path))


def test_a_folder_with_a_model_needs_no_hub(tmp_path: Path) -> None:
    require_obtainable(str(write_tiny_bert(tmp_path / "bert")))


def test_behind_a_proxy_the_hubs_own_client_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")

    require_obtainable("no-such-organisation/no-such-bert")
