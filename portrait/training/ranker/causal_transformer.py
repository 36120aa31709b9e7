"""The challenger: a causal transformer over the same items, behind the same interface.

It reads the newest events anew for every state, so it costs forty times the moving average, its
shares are not exact, and it has no numpy side. It is there to be beaten: docs/experiments.md.

Source: Kang and McAuley, Self-Attentive Sequential Recommendation, ICDM 2018, section III.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, normalize

from portrait.arrays import Floats
from portrait.events.columns import RING
from portrait.model.kinds import KINDS
from portrait.model.space import Vectors
from portrait.times import DAY_MS
from portrait.training.ranker.behaviour_encoder import EncoderShape, ItemTower

LAYERS, HEADS = 2, 2  # as published; deeper is not better on short histories
FIRST = 0.02  # spread of untrained embeddings


class CausalTransformer(ItemTower):
    """Self-attention over events, each seeing only those before it."""

    def __init__(self, text_vectors: Vectors, counts: Floats, shape: EncoderShape) -> None:
        """Build it for a catalogue; see `ItemTower`."""
        super().__init__(text_vectors, counts, shape)
        self.actions = nn.Parameter(FIRST * torch.randn(KINDS, shape.dim))
        self.places = nn.Parameter(FIRST * torch.randn(RING, shape.dim))
        self.pause = nn.Parameter(torch.zeros(shape.dim))
        layer = nn.TransformerEncoderLayer(
            shape.dim,
            HEADS,
            2 * shape.dim,
            shape.drop_channel,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.last = nn.LayerNorm(shape.dim)

    def states(self, vectors: Tensor, kind: Tensor, at: Tensor) -> Tensor:
        """Encode what the user is after each event; as `BehaviourEncoder.states`."""
        places = at.shape[1]
        days = nn.functional.pad((at[:, 1:] - at[:, :-1]).clamp(min=0), (1, 0)) / DAY_MS
        size = self.shape.dim**0.5  # unit rows to rows of about 1 a channel
        spoken = vectors * size + self.actions[kind] + self.places[:places]
        spoken = spoken + days.float().log1p()[..., None] * self.pause
        spoken = dropout(spoken, self.shape.drop_channel, self.training)
        ahead = torch.triu(torch.ones(places, places, dtype=torch.bool, device=at.device), 1)
        hidden = self.layers(spoken, mask=ahead)
        return normalize(self.last(hidden).float(), dim=-1)
