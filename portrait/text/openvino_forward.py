"""The CPU's fast path: the same network in OpenVINO, bf16 where the CPU has it.

The hint is a hint: a CPU without bf16 runs in fp32. OpenVINO is optional, so it is imported when it
is asked for. How much faster it is follows from the CPU's own products: docs/benchmarks.md.
"""

import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray

from portrait.text.batching import TokenBatch


def openvino_forward(
    pooled: torch.nn.Module, threads: int
) -> Callable[[TokenBatch], NDArray[np.float32]]:
    """Compile a network of (ids, mask) -> (b, D), any b and T, for this CPU."""
    openvino = _openvino()
    example = torch.ones((2, 3), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of branches that inference does not take
        model = openvino.convert_model(pooled, example_input=(example, example))
    compiled = openvino.Core().compile_model(
        model,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "bf16",
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
        },
    )

    def forward(batch: TokenBatch) -> NDArray[np.float32]:
        out: NDArray[np.float32] = compiled((batch.ids, batch.mask))[0]
        return out

    return forward


def _openvino() -> ModuleType:
    """Import it without what tells its makers of every conversion, each time from a fork of us."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # not to be found
    return import_module("openvino")
