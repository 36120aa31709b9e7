"""An encoder's folder: which weights it holds, and what every text begins with.

config.json, *.safetensors, tokenizer files      as Hugging Face writes them
config_sentence_transformers.json                optional: prompts and the default one
../<folder>.openvino/model.xml                   optional: the same network, exported for CPUs
"""

import json
from hashlib import blake2b
from pathlib import Path

PROMPTS = "config_sentence_transformers.json"
EXPORTED = "model.xml"
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
    config = json.loads((folder / "config.json").read_text())
    return f"{config.get('model_type', 'encoder')}-{digest.hexdigest()}"


def prefix_of(folder: Path) -> str:
    """Return what the encoder wants in front of every text, such as `query: `; often nothing.

    Source: sentence-transformers, the model's own configuration of prompts. Portrait compares
    items, queries and reviews with each other, so one prompt serves them all.
    """
    path = folder / PROMPTS
    if not path.exists():
        return ""
    settings = json.loads(path.read_text())
    prompts: dict[str, str] = settings.get("prompts") or {}
    return prompts.get(settings.get("default_prompt_name") or "", "")


def exported_beside(folder: Path) -> Path | None:
    """Return the OpenVINO form that was exported beside the folder, if there is one."""
    path = folder.with_name(f"{folder.name}.openvino") / EXPORTED
    return path if path.exists() else None
