"""`portrait receipt`: verify what was signed, with the public key alone."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from joserfc.jwk import OKPKey

from portrait.errors import FileUnreadableError, SettingsInvalidError
from portrait.rights.receipt import read_key, verified


def add_options(parser: ArgumentParser) -> None:
    """Add what can be asked for."""
    asked = parser.add_subparsers(dest="task", required=True, metavar="verify|key")
    verify = asked.add_parser("verify", help="say whether a receipt was signed, and what it says")
    verify.add_argument("file", type=Path, help="as `GET /erasures/{id}/receipt` answered")
    verify.add_argument(
        "--key", type=Path, help="PEM file of the public key; without it, PORTRAIT_RECEIPT_KEY_FILE"
    )
    asked.add_parser("key", help="print the public key of PORTRAIT_RECEIPT_KEY_FILE, for others")


def told(options: Namespace, private: Path | None) -> str:
    """Do what is asked for; return what to print.

    Raises:
        ReceiptInvalidError: It was not signed by this key.
        SettingsInvalidError: There is no key.
        FileUnreadableError: A file is not there.
    """
    if options.task == "key":
        return _key(private).as_pem(private=False).decode().strip()
    key = _key(options.key or private)
    return verified(_read(options.file).decode(errors="replace"), key).model_dump_json(indent=2)


def _key(file: Path | None) -> OKPKey:
    if file is None:
        msg = "Say which key by --key, or by PORTRAIT_RECEIPT_KEY_FILE."
        raise SettingsInvalidError(msg)
    return read_key(_read(file), private=False)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        msg = f"{file} cannot be read: {(error.strerror or 'no file').lower()}."
        raise FileUnreadableError(msg) from error
