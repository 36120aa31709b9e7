"""The behaviour encoder as it learns: the arithmetic of `portrait/model/behaviour.py`, in torch.

    rows ─ items ─▶ (n, D) unit ─ + kind ─▶ every head's decayed sum at every place ─ turn ─▶ unit

`exported` and `warm_start` go to the numpy side and back; a test holds both sides equal to 1e-5.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, normalize

from portrait.arrays import MISSING, Floats, Refs, positions
from portrait.model.behaviour import Behaviour
from portrait.model.kinds import (
    CLICK,
    CONTRARY_OF,
    KINDS,
    NOW_WEIGHTS,
    gates_of_kinds,
    vectors_of_kinds,
)
from portrait.model.recency import NEWCOMER, SEARCH
from portrait.model.space import Vectors
from portrait.times import DAY_MS

FAMILIAR = 5  # events in training before an item has a vector of its own; rarer ones are noise
SLOWEST, FASTEST = 0.08, 1.0  # first decays of the heads, per event; .2 to .35 is best for one
ID_DECAY = 3.0  # of AdamW: ids that repeat what few users did are worse than none
FIRST_ID = 0.02  # size of an untrained id vector: the text speaks first

_LEARNED = np.array([kind for kind in range(KINDS) if kind not in CONTRARY_OF])  # gates


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """What an encoder is built to."""

    dim: int = 256
    heads: int = 8
    drop_id: float = 0.1  # of an item's id vector, so that its text also learns to stand alone
    drop_channel: float = 0.2


class BehaviourEncoder(nn.Module):
    """A multi-head learned moving average over projected text, id, kind and pauses.

    What follows a complaint is often of the same kind, and would teach that it was praise: so the
    gates of kinds that speak against an item are not learned, but follow those of their contraries.
    """

    text: Tensor  # (N + Q, K), of items and of searches
    id_row: Tensor  # (N + Q,), row of `ids`, or MISSING
    source: Tensor  # (KINDS,), which of the learned gates each kind has, or is the contrary of
    sign: Tensor  # (KINDS,): 1, or below 0 how much the contrary of it

    def __init__(self, text_vectors: Vectors, counts: Floats, shape: EncoderShape) -> None:
        """Build it for a catalogue.

        Args:
            text_vectors: (N + Q, K), unit rows of the space: of N items, then of Q searches.
            counts: (N,), events of each item in training.
            shape: What to build.
        """
        super().__init__()
        self.shape = shape
        self.ranked = len(counts)
        counts = np.concatenate([counts, np.zeros(len(text_vectors) - len(counts), np.float32)])
        self.weight_decays = {"ids": ID_DECAY}
        familiar = counts >= FAMILIAR
        row = np.where(familiar, np.cumsum(familiar) - 1, MISSING)
        self.register_buffer("text", torch.from_numpy(text_vectors), persistent=False)
        self.register_buffer("id_row", torch.from_numpy(row), persistent=False)
        self.projection = nn.Parameter(_first_axes(text_vectors.shape[1], shape.dim))
        self.ids = nn.Parameter(FIRST_ID * torch.randn(int(familiar.sum()), shape.dim))
        gates = NOW_WEIGHTS / NOW_WEIGHTS.max()
        own = [CONTRARY_OF.get(kind, kind) for kind in range(KINDS)]
        source = np.searchsorted(_LEARNED, own)
        sign = np.ones(KINDS, np.float32)
        for kind, contrary in CONTRARY_OF.items():
            sign[kind] = gates[kind] / gates[contrary]
        self.register_buffer("source", torch.from_numpy(source), persistent=False)
        self.register_buffer("sign", torch.from_numpy(sign), persistent=False)
        self.gates = nn.Parameter(torch.from_numpy(gates[_LEARNED]))
        self.actions = nn.Parameter(torch.zeros(KINDS, shape.dim))
        speeds = torch.logspace(np.log10(SLOWEST), np.log10(FASTEST), shape.heads)
        self.log_decay = nn.Parameter(speeds.log())
        self.log_gap_decay = nn.Parameter(speeds.log())
        self.turn = nn.Parameter(torch.eye(shape.dim))

    def items(self, rows: Tensor | None = None) -> Tensor:
        """Place items and searches, all of them or some rows. Returns (n, D), unit rows."""
        text = self.text if rows is None else self.text[rows]
        id_row = self.id_row if rows is None else self.id_row[rows]
        known = (id_row != MISSING).to(text.dtype)
        if self.training and self.shape.drop_id:
            known = known * (torch.rand_like(known) >= self.shape.drop_id)
        own = self.ids[id_row.clamp(min=0)] if len(self.ids) else text.new_zeros(())
        return normalize(text @ self.projection + own * known[:, None], dim=-1)

    def states(self, vectors: Tensor, kind: Tensor, at: Tensor) -> Tensor:
        """Encode what the user is after each event.

        Args:
            vectors: (B, T, D), of the items of the events, oldest first. What pads a row comes
                last, so that no state of an event sees it.
            kind: (B, T), see `kinds_of`.
            at: (B, T), ms.

        Returns:
            (B, T, D), unit rows.
        """
        users, places, dim = vectors.shape
        spoken = dropout(vectors + self.actions[kind], self.shape.drop_channel, self.training)
        weight = self._bounded(self._fading(at) * self.gate_of_kinds()[kind][:, None, None], kind)
        apart = spoken.view(users, places, self.shape.heads, -1)
        pooled = torch.einsum("bhtk,bkhc->bthc", weight.to(apart.dtype), apart)
        turned = pooled.reshape(users, places, dim) @ self.turn
        return normalize(dropout(turned.float(), self.shape.drop_channel, self.training), dim=-1)

    def gate_of_kinds(self) -> Tensor:
        """Return what each kind counts, (KINDS,)."""
        own = self.gates.abs()[self.source]  # a step too far turns nobody's taste around
        return torch.where(self.sign < 0, own.detach() * self.sign, own)

    def _fading(self, at: Tensor) -> Tensor:
        """Return what is left at place t of the event at place k, (B or 1, H, T, T)."""
        places = at.shape[1]
        place = torch.arange(places, dtype=torch.float32, device=at.device)
        behind = place[:, None] - place  # (T, T): k events before t
        days = (at[:, 1:] - at[:, :-1]).clamp(min=0) / DAY_MS
        pause = nn.functional.pad(days.float().log1p().cumsum(dim=1), (1, 0))  # (B, T)
        between = pause[:, :, None] - pause[:, None, :]  # (B, T, T)
        decay, gap_decay = self.log_decay.exp(), self.log_gap_decay.exp()
        faded = decay[:, None, None] * behind + gap_decay[:, None, None] * between[:, None]
        return torch.where(behind >= 0, torch.exp(-faded.clamp(min=0)), 0)

    def _bounded(self, weight: Tensor, kind: Tensor) -> Tensor:
        """Bound the weights at place t of the events at places k, (B, H, T, T); see `Recency`."""
        liked = weight.clamp(min=0)
        others = liked.sum(dim=3, keepdim=True) - liked
        click = self.gate_of_kinds()[CLICK]
        most = torch.maximum(self.log_decay.exp().expm1()[:, None, None] * others, click)
        known = torch.arange(weight.shape[2], device=weight.device) >= NEWCOMER  # (T,) places t
        is_bounded = known[:, None] & (kind != SEARCH)[:, None, None]
        return torch.where(is_bounded, weight.clamp(min=-most, max=most), weight)

    def exported(self, refs: Refs) -> Behaviour:
        """Return the numpy side of what was learned, for the catalogue's refs (N,)."""
        id_row = self.id_row.cpu().numpy()
        known = np.flatnonzero(id_row != MISSING)
        ascending = known[np.argsort(refs[known])]
        return Behaviour(
            projection=_array(self.projection),
            item_refs=refs[ascending],
            item_vectors=_array(self.ids)[id_row[ascending]],
            action_gates=_array(self.gate_of_kinds()),
            action_vectors=_array(self.actions),
            decay=_array(self.log_decay.exp()),
            gap_decay=_array(self.log_gap_decay.exp()),
            turn=_array(self.turn),
        )

    @torch.no_grad()
    def warm_start(self, behaviour: Behaviour, refs: Refs) -> None:
        """Go on from what another training learned; items that it did not know start anew.

        Args:
            behaviour: Of the same shape.
            refs: (N,), of the catalogue.
        """
        self.projection.copy_(torch.from_numpy(behaviour.projection))
        self.gates.copy_(torch.from_numpy(gates_of_kinds(behaviour.action_gates)[_LEARNED]))
        self.actions.copy_(torch.from_numpy(vectors_of_kinds(behaviour.action_vectors)))
        self.log_decay.copy_(torch.from_numpy(behaviour.decay).log())
        self.log_gap_decay.copy_(torch.from_numpy(behaviour.gap_decay).log())
        self.turn.copy_(torch.from_numpy(behaviour.turn))
        id_row = self.id_row[: self.ranked].cpu().numpy()
        theirs = positions(behaviour.item_refs, refs)
        both = (id_row != MISSING) & (theirs != MISSING)
        learned = torch.from_numpy(behaviour.item_vectors[theirs[both]])
        self.ids[id_row[both]] = learned.to(self.ids.device)


def _first_axes(width: int, dim: int) -> Tensor:
    """Return (K, D): the widest axes of the space as they are, and a little of the others."""
    projection = torch.zeros(width, dim)
    kept = min(width, dim)
    projection[:kept, :kept] = torch.eye(kept)
    return projection


def _array(tensor: Tensor) -> Floats:
    array: Floats = tensor.detach().float().cpu().numpy().copy()
    return array
