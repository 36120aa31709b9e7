"""Adapters beside a text encoder's matrices, and the folder of an encoder that has learned."""

import shutil
import warnings
from pathlib import Path
from typing import cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import PreTrainedModel

from portrait.text.text_encoder import Pooled

LORA_LAYERS = ("query", "key", "value", "dense")


def adapted(model: PreTrainedModel, rank: int) -> PreTrainedModel:
    """Freeze a model and put low-rank adapters beside its matrices.

    Source: Hu et al., LoRA, ICLR 2022, section 4.1; alpha = 2 r.
    """
    settings = LoraConfig(
        r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules=list(LORA_LAYERS)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by an old name
        return cast("PreTrainedModel", get_peft_model(model, settings))


def save_encoder(pooled: Pooled, encoder: Path, out: Path) -> None:
    """Write the trained network, adapters merged, and beside it what else its folder has."""
    model: object = pooled.model
    if isinstance(model, PeftModel):
        pooled.model = cast("PreTrainedModel", model.merge_and_unload())
    shutil.copytree(
        encoder, out, ignore=shutil.ignore_patterns("*.safetensors", "*.bin"), dirs_exist_ok=True
    )
    cast("nn.Module", pooled.model).to("cpu", torch.float32)
    pooled.model.save_pretrained(out)
