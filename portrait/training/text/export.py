"""Export: a text encoder's network for CPUs, as small as the gate lets it be.

folder ─▶ OpenVINO, bf16 ─▶ int8 if wanted ─▶ ranks as torch in fp32 does? ─▶ <folder>.openvino/

The form is named after the folder, so `load_encoder` finds it and the encoder keeps its name: what
passes the gate places texts in the same space. CUDA needs no export: it runs the folder in bf16.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

from portrait.errors import PortraitError
from portrait.evaluation.fidelity import Fidelity, fidelity
from portrait.text.batching import token_batches
from portrait.text.encoder_folder import EXPORTED
from portrait.text.openvino_forward import OpenVinoModel, convert, openvino_forward
from portrait.text.text_encoder import BertEncoder, load_encoder, load_pooled, load_tokenize

LEAST_OVERLAP = 0.98  # of the ten nearest; DESIGN, section 10
LEAST_COSINE = 0.999  # bf16 has .9999; interests have thresholds, and lower ones move over them
# Measured best of .5, .8, .9, .95 and the default (docs/experiments.md).
SMOOTHING = 0.8
CALIBRATION_TEXTS = 300
CALIBRATION_TOKENS = 512  # of one pass

REPORT = "export.json"


class ExportRefusedError(PortraitError):
    """The exported network ranks differently from the trained one: keep serving torch."""


@dataclass(frozen=True, slots=True)
class Form:
    """One exported form and how it ranks."""

    precision: str
    fidelity: Fidelity

    @property
    def passes(self) -> bool:
        """Say whether it may stand for the original."""
        return self.fidelity.overlap >= LEAST_OVERLAP and self.fidelity.mean_cosine >= LEAST_COSINE


@dataclass(frozen=True, slots=True)
class Export:
    """What was tried; the last form that passes is the one written."""

    precision: str
    tried: tuple[Form, ...]


def export_encoder(
    folder: Path, texts: Sequence[str], *, int8: bool = False, threads: int = 1
) -> Export:
    """Write `<folder>.openvino` beside an encoder's folder.

    Args:
        folder: The encoder, as Hugging Face writes it.
        texts: Different texts of the catalogue, some hundreds: half of them calibrate int8, and
            ranks are compared on the other half.
        int8: Try int8 too; it is written only if it passes the gate.
        threads: CPU threads.

    Raises:
        ExportRefusedError: Not even bf16 ranks as the original; the folder is not written.
    """
    calibration, judged = texts[::2][:CALIBRATION_TEXTS], texts[1::2]
    out = folder.with_name(f"{folder.name}.openvino")
    aside = folder.with_name(f".{folder.name}.exporting")
    shutil.rmtree(out, ignore_errors=True)  # or it would be loaded as the original
    exact = load_encoder(str(folder), backend="torch", threads=threads)
    plain = exact.encode(judged)
    forms: list[Form] = []
    for precision in ("bf16", "int8") if int8 else ("bf16",):
        shutil.rmtree(aside, ignore_errors=True)
        _write(folder, aside, calibration, precision)
        forward = openvino_forward(aside / EXPORTED, threads)  # judged as it will be served
        fast = BertEncoder(
            exact.name, exact.tokenize, forward, dim=exact.dim, most_tokens=exact.most_tokens
        )
        form = Form(precision, fidelity(fast.encode(judged), plain))
        forms.append(form)
        if form.passes:
            shutil.rmtree(out, ignore_errors=True)
            (aside / REPORT).write_text(json.dumps([asdict(form) for form in forms], indent=2))
            aside.rename(out)
    shutil.rmtree(aside, ignore_errors=True)
    passed = [form.precision for form in forms if form.passes]
    if not passed:
        msg = f"bf16 has {forms[0].fidelity}; {LEAST_COSINE} and {LEAST_OVERLAP} are asked for"
        raise ExportRefusedError(msg)
    return Export(passed[-1], tuple(forms))


def _write(folder: Path, out: Path, calibration: Sequence[str], precision: str) -> None:
    model = convert(load_pooled(str(folder)))
    if precision == "int8":
        tokens = load_tokenize(str(folder))(calibration)
        model = quantised(model, tokens)
    out.mkdir(parents=True)
    import_module("openvino").save_model(model, str(out / EXPORTED))


def quantised(model: OpenVinoModel, tokens: Sequence[Sequence[int]]) -> OpenVinoModel:
    """Quantise weights and activations to int8, with the ranges that these texts show.

    Source: Xiao et al., SmoothQuant, ICML 2023, equation 4: ranges are moved from activations into
    weights.
    """
    nncf = import_module("nncf")
    batches = [(batch.ids, batch.mask) for batch in token_batches(tokens, CALIBRATION_TOKENS)]
    smoothing = nncf.AdvancedSmoothQuantParameters(matmul=SMOOTHING)
    return nncf.quantize(
        model,
        nncf.Dataset(batches),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(batches),
        advanced_parameters=nncf.AdvancedQuantizationParameters(smooth_quant_alphas=smoothing),
    )
