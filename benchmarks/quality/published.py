"""Published figures to stand beside ours, HR@10 / NDCG@10, with where they are from."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """One row of somebody's table."""

    model: str
    hr: float
    ndcg: float
    protocol: str  # masked or unmasked
    source: str


S3REC = "S3-Rec, repository's table of all-item ranking"
ESASREC = "eSASRec, README"
PROBES = "spotify-research/sequential-capacity-probes 705710f, RecSys 2026, clean-room run"
FITTED_AGAIN = "masked, fitted on all but the test"  # the protocol of the rows "fitted again"
MEMORY = "UniSRec, paper; quoted from memory, not checked"

PUBLISHED: dict[str, Sequence[Published]] = {
    "amazon_scientific": (
        Published("SASRec", 0.1080, 0.0553, "unmasked", MEMORY),
        Published("UniSRec, text", 0.1188, 0.0641, "unmasked", MEMORY),
        Published("UniSRec, text + id", 0.1235, 0.0634, "unmasked", MEMORY),
        Published("VQ-Rec", 0.1211, 0.0643, "unmasked", "VQ-Rec, repository"),
        Published("VQ-Rec, checkpoint 0315", 0.1238, 0.0645, "unmasked", "VQ-Rec, repository"),
    ),
    "amazon_beauty": (
        Published("Pop", 0.0152, 0.0068, "masked", S3REC),
        Published("SASRec, binary loss", 0.0605, 0.0318, "masked", S3REC),
        Published("S3-Rec", 0.0647, 0.0327, "masked", S3REC),
        Published("TIGER", 0.0648, 0.0384, "masked", ESASREC),
        Published("HSTU, rerun", 0.0788, 0.0439, "masked", ESASREC),
        Published("DuoRec", 0.0845, 0.0443, "masked", ESASREC),
        Published("SASRec, cross-entropy", 0.0830, 0.0416, "unmasked", "RecBole, issue 1290"),
        Published(
            "SASRec, sampled softmax of 256",
            0.0921,
            0.0531,
            "masked",
            "blondered/transformer_benchmark",
        ),
        Published("SASRec, sampled softmax of 256, rerun", 0.0921, 0.0534, "masked", PROBES),
        Published("eSASRec", 0.0928, 0.0523, "masked", ESASREC),
        Published("eSASRec, rerun", 0.0910, 0.0511, "masked", PROBES),
        Published("Markov chain", 0.0723, 0.0492, FITTED_AGAIN, PROBES),
        Published("sequential rules", 0.0956, 0.0605, FITTED_AGAIN, PROBES),
        Published("PCTM", 0.0998, 0.0635, FITTED_AGAIN, PROBES),
    ),
}
