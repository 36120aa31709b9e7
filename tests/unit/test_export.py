"""Export: what passes the gate is served in the encoder's place, what does not is not written."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from portrait.evaluation.fidelity import Fidelity, fidelity
from portrait.text.text_encoder import load_encoder
from portrait.training.text import export
from portrait.training.text.export import ExportRefusedError, Form, export_encoder
from tests.support.tiny_bert import WORDS, write_tiny_bert

pytestmark = pytest.mark.skipif(
    find_spec("openvino") is None, reason="the extra `openvino` is not installed"
)

TEXTS = [f"{word} {WORDS[place * 7 % 60]} {WORDS[place % 9]}" for place, word in enumerate(WORDS)]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bert(tmp_path / "tiny")


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask less: random weights put all texts close together, so that bf16 reorders them."""
    monkeypatch.setattr(export, "LEAST_OVERLAP", 0.5)


@pytest.mark.usefixtures("lenient")
def test_an_exported_encoder_is_loaded_from_its_form(folder: Path) -> None:
    exact = load_encoder(str(folder), backend="torch")

    done = export_encoder(folder, TEXTS)
    served = load_encoder(str(folder), backend="openvino")

    assert done.precision == "bf16"
    assert served.name == exact.name
    assert fidelity(served.encode(TEXTS), exact.encode(TEXTS)).mean_cosine > 0.999
    (written,) = json.loads((folder.parent / "tiny.openvino" / "export.json").read_text())
    assert written["fidelity"]["overlap"] == done.tried[0].fidelity.overlap


@pytest.mark.usefixtures("lenient")
def test_the_form_and_not_the_weights_is_what_openvino_runs(folder: Path) -> None:
    before = load_encoder(str(folder), backend="torch").encode(TEXTS)
    export_encoder(folder, TEXTS)
    write_tiny_bert(folder, seed=1)

    served = load_encoder(str(folder), backend="openvino").encode(TEXTS)

    assert fidelity(served, before).mean_cosine > 0.999


def test_nobody_is_told_of_an_export(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "LEAST_OVERLAP", 0)

    export_encoder(folder, TEXTS)

    assert sys.modules["openvino_telemetry"] is None
    assert sys.modules["openvino.tools.ovc.telemetry_utils"].tm.__name__.endswith("telemetry_stub")


@pytest.mark.parametrize("constant", ["LEAST_OVERLAP", "LEAST_COSINE"])
def test_a_form_that_ranks_differently_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, constant: str
) -> None:
    monkeypatch.setattr(export, constant, 1.1)

    with pytest.raises(ExportRefusedError, match="are asked for"):
        export_encoder(folder, TEXTS)

    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


def test_the_gates_are_those_of_the_design() -> None:
    good = Fidelity(mean_cosine=0.9999, least_cosine=0.999, overlap=0.99)
    turned = Fidelity(mean_cosine=0.9980, least_cosine=0.99, overlap=0.99)
    shuffled = Fidelity(mean_cosine=0.9999, least_cosine=0.999, overlap=0.957)

    assert Form("bf16", good).passes
    assert not Form("int8", turned).passes
    assert not Form("int8", shuffled).passes


def test_int8_is_served_if_it_passes_and_bf16_if_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("nncf", reason="the extra `train` is not installed")
    model = folder.parent / "tiny.openvino" / "model.xml"
    monkeypatch.setattr(export, "LEAST_OVERLAP", 0)
    monkeypatch.setattr(export, "LEAST_COSINE", 0.9)

    passed = export_encoder(folder, TEXTS, int8=True)
    has_int8 = "FakeQuantize" in model.read_text()
    bf16, int8 = (form.fidelity.mean_cosine for form in passed.tried)
    monkeypatch.setattr(export, "LEAST_COSINE", (bf16 + int8) / 2)
    failed = export_encoder(folder, TEXTS, int8=True)

    assert passed.precision == "int8"
    assert has_int8
    assert [form.precision for form in failed.tried] == ["bf16", "int8"]
    assert failed.precision == "bf16"
    assert "FakeQuantize" not in model.read_text()
