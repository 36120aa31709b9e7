"""An encoder's files: which weights, what every text begins with, how tokens become one vector.

config.json, *.safetensors, tokenizer files      as Hugging Face writes them
modules.json, 1_Pooling/config.json              optional: the steps behind the network
config_sentence_transformers.json                optional: prompts and the default one

Sources: a folder, or a name on the hub.
"""

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from transformers.utils.hub import cached_file

from portrait.errors import EncoderInvalidError

MODULES = "modules.json"
POOLING = "1_Pooling/config.json"
PROMPTS = "config_sentence_transformers.json"
Pooling = Literal["mean", "cls", "max"]
POOLINGS: tuple[Pooling, ...] = ("mean", "cls", "max")
# What may stand behind the network: its own first step, and the two that every encoder here takes.
STEPS = ("Transformer", "Pooling", "Normalize")
# Older files name each pooling by a switch of its own.
SWITCHES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
PARTS = frozenset({".json", ".safetensors", ".bin", ".txt", ".model"})  # not the read-me


def identify(folder: Path) -> str:
    """Name an encoder by what it consists of, wherever it lies: `bert-3f2a91c0d4e1b7aa`.

    A space names its encoder, so other weights, another tokenizer or another prefix are another
    space. Reads every file: a tenth of a second for 100 MB.
    """
    digest = blake2b(digest_size=8)
    for path in sorted(path for path in folder.iterdir() if path.suffix in PARTS):
        digest.update(f"{path.name}:{path.stat().st_size}:".encode())
        digest.update(path.read_bytes())
    if (pooling := pooling_of(str(folder))) != "mean":  # which older versions took for granted
        digest.update(f"pooling:{pooling}".encode())
    config = json.loads((folder / "config.json").read_text())
    return f"{config.get('model_type', 'encoder')}-{digest.hexdigest()}"


def prefix_of(source: str) -> str:
    """Return what the encoder wants in front of every text, such as `query: `; often nothing.

    Source: sentence-transformers, the model's own configuration of prompts. Portrait compares
    items, queries and reviews with each other, so one prompt serves them all.
    """
    settings = _read(source, PROMPTS) or {}
    prompts: dict[str, str] = settings.get("prompts") or {}
    return prompts.get(settings.get("default_prompt_name") or "", "")


def pooling_of(source: str) -> Pooling:
    """Return how an encoder makes one vector of a text's tokens; the mean, if it does not say.

    Source: sentence-transformers, the steps of a model and the configuration of its pooling.

    Raises:
        EncoderInvalidError: It needs a pooling or a step that Portrait does not have.
    """
    for step in _read(source, MODULES) or []:
        if (kind := str(step["type"]).rpartition(".")[2]) not in STEPS:
            msg = f"{source} ends with {kind}: of the steps in {MODULES} Portrait has {STEPS}"
            raise EncoderInvalidError(msg)
    config = _read(source, POOLING) or {}
    switched = [name for switch, name in SWITCHES.items() if config.get(switch)]
    wanted = config.get("pooling_mode") or switched or "mean"
    for pooling in POOLINGS:
        if wanted in (pooling, [pooling]):
            return pooling
    msg = f"{source} pools by {wanted}: of what {POOLING} can say Portrait has {POOLINGS}"
    raise EncoderInvalidError(msg)


def _read(source: str, name: str) -> Any:  # noqa: ANN401 - what a JSON file holds
    """Read a file of a folder, or of a name on the hub; None if it has none."""
    path = cached_file(
        source,
        name,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return None if path is None else json.loads(Path(path).read_text())
