"""Review sentiment in Chinese: ten shop categories, frozen multilingual embeddings, one head.

reviews ─▶ multilingual encoder, frozen ─▶ logistic head, calibrated ─▶ beside TF-IDF and majority
"""

import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from portrait.evaluation.classification import Lead, binary_figures, lead_in_precision
from portrait.model.encoder import TextEncoder
from portrait.model.space import Vectors
from portrait.training.heads.fit_calibration import calibrate
from portrait.training.heads.fit_sentiment import fit_sentiment

PREFIX = "query: "  # what the encoder was trained to read before a text that is compared
CUT_AT = 300  # characters; the encoder reads 128 tokens, which are about 200
CHARACTERS = (1, 3)  # n-grams of the baseline
PART = 500  # reviews encoded between two steps of the progress bar
FEW = 300  # labels of a shop that has only begun to collect them; as many to calibrate
SEED = 0


@dataclass(frozen=True, slots=True)
class SentimentReport:
    """How the head did on the held-out reviews, beside its baselines."""

    encoder: str
    reviews: dict[str, int]
    encode_seconds: float
    figures: dict[str, dict[str, float]]  # by model
    lead: Lead
    lead_with_few: Lead
    categories: dict[str, dict[str, float]]  # of the head, by category


def review_sentiment(archive: Path, encoder: TextEncoder, sample: int) -> SentimentReport:
    """Train on some reviews, calibrate on others, judge on a quarter held out, by category."""
    train, valid, test = split_reviews(archive, sample)
    started = time.perf_counter()
    train_at, valid_at, test_at = (_encode(encoder, part["text"]) for part in (train, valid, test))
    seconds = time.perf_counter() - started
    few_at, few = train_at[:FEW], train.iloc[:FEW]
    few_head = fit_sentiment(
        encoder.name,
        few_at,
        _liked(few),
        valid_embeddings=valid_at[:FEW],
        valid_liked=_liked(valid.iloc[:FEW]),
    )
    few_words = _tfidf(few, valid.iloc[:FEW], test)
    sentiment = fit_sentiment(
        encoder.name,
        train_at,
        _liked(train),
        valid_embeddings=valid_at,
        valid_liked=_liked(valid),
    )
    liked, said = _liked(test), sentiment(test_at)
    by_words = _tfidf(train, valid, test)
    majority = np.full(len(test), float(_liked(train).mean()))
    codes = test["cat"].to_numpy()
    return SentimentReport(
        encoder=sentiment.encoder,
        reviews={"train": len(train), "valid": len(valid), "test": len(test)},
        encode_seconds=seconds,
        figures={
            "majority": binary_figures(liked, majority),
            "TF-IDF": binary_figures(liked, by_words),
            "head": binary_figures(liked, said),
            f"TF-IDF, {FEW} labels": binary_figures(liked, few_words),
            f"head, {FEW} labels": binary_figures(liked, few_head(test_at)),
        },
        lead=lead_in_precision(liked, said, by_words, np.arange(len(test))),
        lead_with_few=lead_in_precision(liked, few_head(test_at), few_words, np.arange(len(test))),
        categories={
            name: binary_figures(liked[codes == name], said[codes == name])
            | {"tfidf_f1": binary_figures(liked[codes == name], by_words[codes == name])["f1"]}
            for name in sorted(set(codes))
        },
    )


def split_reviews(archive: Path, sample: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return reviews to train on, to choose by and to judge on; every kind in its share."""
    reviews = _read(archive, sample)
    kind = reviews["cat"] + reviews["label"].astype(str)
    rest, test = train_test_split(reviews, test_size=0.25, random_state=SEED, stratify=kind)
    train, valid = train_test_split(
        rest, test_size=0.2, random_state=SEED, stratify=kind.loc[rest.index]
    )
    return train, valid, test


def _encode(encoder: TextEncoder, texts: "pd.Series[str]") -> Vectors:
    """Encode a part at a time, so that one sees it move. Returns (B, D)."""
    prefixed = [PREFIX + text for text in texts]
    starts = range(0, len(prefixed), PART)
    parts = [encoder.encode(prefixed[at : at + PART]) for at in tqdm(starts, "reviews", delay=2)]
    return np.concatenate(parts)


def _read(archive: Path, sample: int) -> pd.DataFrame:
    """Read reviews, each text once, as many of each kind as their share of the sample."""
    with zipfile.ZipFile(archive) as folder, folder.open(folder.namelist()[0]) as file:
        reviews = pd.read_csv(file).dropna()
    reviews["text"] = reviews["review"].str.strip().str.slice(0, CUT_AT)
    reviews = reviews[reviews["text"].str.len() > 0].drop_duplicates("text")
    share = min(1.0, sample / len(reviews))
    return reviews.groupby(["cat", "label"], group_keys=False).sample(frac=share, random_state=SEED)


def _liked(reviews: pd.DataFrame) -> NDArray[np.bool_]:
    liked: NDArray[np.bool_] = reviews["label"].to_numpy() == 1
    return liked


def _tfidf(train: pd.DataFrame, valid: pd.DataFrame, test: pd.DataFrame) -> NDArray[np.float32]:
    """Fit the baseline: character n-grams and a logistic regression, calibrated like the head."""
    counted = TfidfVectorizer(analyzer="char", ngram_range=CHARACTERS, min_df=2, sublinear_tf=True)
    inputs = counted.fit_transform(train["text"])
    model = LogisticRegression(C=4.0, max_iter=500).fit(inputs, _liked(train))
    of_valid, of_test = (
        model.decision_function(counted.transform(part["text"])).astype(np.float32)
        for part in (valid, test)
    )
    return calibrate(of_valid, _liked(valid))(of_test)
