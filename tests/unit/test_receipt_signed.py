"""Receipts: signed, and verified with the public key alone."""

import json
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey, RSAKey

from portrait.errors import FileUnreadableError, SettingsInvalidError
from portrait.rights.erasure_job import Place, PlaceState, new_erasure
from portrait.rights.receipt import ReceiptInvalidError, read_key, receipt_of, signed, verified
from workers.privacy.receipt import told

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
KEY = OKPKey.generate_key("Ed25519")
JOB = new_erasure("ann@example.com", (), NOW, "model-1").at_places(
    {Place.MODEL: PlaceState(state="gone", at=NOW, model="model-2", began_from="model-1")}
)


def public(key: OKPKey = KEY) -> OKPKey:
    return OKPKey.import_key(key.as_pem(private=False))


def test_what_was_signed_is_verified_with_the_public_key() -> None:
    written = signed(receipt_of(JOB, NOW), KEY)

    receipt = verified(written, public())

    assert receipt == receipt_of(JOB, NOW)
    assert (receipt.champion, receipt.model_without, receipt.began_from) == (
        "model-1",
        "model-2",
        "model-1",
    )
    assert "ann" not in receipt.model_dump_json()


def changed(written: str, **parts: object) -> str:
    return json.dumps({**json.loads(written), **parts})


@pytest.mark.parametrize(
    "change",
    [
        lambda written: written.replace('"payload": "e', '"payload": "f'),
        lambda written: changed(written, signature="AAAA"),
        lambda written: changed(written, protected="eyJhbGciOiJub25lIn0"),
        lambda written: changed(written, payload=None),
        lambda _: signed(receipt_of(JOB, NOW), OKPKey.generate_key("Ed25519")),
        lambda _: "",
        lambda _: "[]",
        lambda _: "[" * 50_000,
        lambda written: written + " " * 70_000,
    ],
)
def test_what_was_not_signed_so_is_refused(change: Callable[[str], str]) -> None:
    with pytest.raises(ReceiptInvalidError):
        verified(change(signed(receipt_of(JOB, NOW), KEY)), public())


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"no key",
        RSAKey.generate_key(2048).as_pem(),
        OKPKey.generate_key("X25519").as_pem(),
        public().as_pem(),
    ],
)
def test_what_signs_nothing_is_refused_at_the_start(pem: bytes) -> None:
    with pytest.raises(SettingsInvalidError, match="openssl genpkey"):
        read_key(pem, private=True)


def test_the_command_prints_what_a_receipt_says(tmp_path: Path) -> None:
    private, file = tmp_path / "key.pem", tmp_path / "receipt.json"
    private.write_bytes(KEY.as_pem(private=True))
    file.write_text(signed(receipt_of(JOB, NOW), KEY))
    shared = tmp_path / "public.pem"
    shared.write_text(told(Namespace(task="key"), private))

    said = told(Namespace(task="verify", file=file, key=shared), None)

    assert json.loads(said)["job"] == JOB.id
    assert "PRIVATE" not in shared.read_text()


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalidError, match="--key"):
        told(Namespace(task="key"), None)
    with pytest.raises(FileUnreadableError, match="no such file"):
        told(Namespace(task="key"), tmp_path / "none.pem")
