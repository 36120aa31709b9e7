"""Examples: what the routes of models answer, as OpenAPI shows it."""

from portrait.lifecycle.registry import GIVE_REASON
from service.examples import Json
from service.http.problems import TYPES, Problem

VERSION = "20261124T030000Z-9f86d081"
FORMER = "20261123T030000Z-1c2d3e4f"
BETTER = (
    "What people took next stands higher in the lists: NDCG@10 rose from 0.0912 to 0.0951 "
    "(+4.3%, chance of no gain 0.3%, 412 people)."
)

SUMMARY: Json = {
    "version": VERSION,
    "role": "champion",
    "parent": FORMER,
    "created_at": "2026-11-24T03:07:12Z",
    "trained_on": {"since": "2026-08-26T00:00:00Z", "until": "2026-11-24T00:00:00Z"},
    "space_id": "9f86d081884c7d65",
    "promote": True,
    "reason": BETTER,
}
MODELS: Json = {"champion": VERSION, "former": FORMER, "wanted": None, "models": [SUMMARY]}
NOTE = {
    "at": "2026-11-24T09:30:00Z",
    "reason": "the texts of shoes are repaired",
    "rolled_back": "complaints about shoes",
}
MODEL: Json = {
    **SUMMARY,
    "encoder": "bundled",
    "rows": {"new": 50_000, "replay": 50_000, "validation": 4_000, "test": 4_000},
    "erased_users": 2,
    "metrics": {"newest_ndcg": 0.0951},
    "git_commit": "e9334ff",
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "verdict": {
        "champion": FORMER,
        "challenger": VERSION,
        "promote": True,
        "reason": BETTER,
        "checks": [
            {
                "name": "newest NDCG@10",
                "champion": 0.0912,
                "challenger": 0.0951,
                "baseline": 0.0810,
                "limit": 0.0903,
                "at_most": False,
                "cases": 412,
                "interval": [0.0012, 0.0066],
                "judged": True,
                "passed": True,
                "reason": BETTER,
            },
            {
                "name": "search HR@10",
                "champion": 0.41,
                "challenger": 0.46,
                "baseline": 0.44,
                "limit": 0.3895,
                "at_most": False,
                "cases": 107,
                "interval": [-0.02, 0.12],
                "judged": True,
                "passed": True,
                "reason": "After a search, what was taken next is among the first ten in 46 of 100 "
                "cases; 41 with the model that serves (107 people).",
            },
        ],
    },
    "history": [NOTE],
}
PROMOTION: Json = {"version": VERSION, "role": "wanted"}
ROLLBACK: Json = {"champion": FORMER}
QUEUED: Json = {
    "id": "5f2c7a0c9d1e4b6f8a3b2c1d0e9f8a7b",
    "trigger": "request",
    "reason": "new season",
    "state": "queued",
    "summary": "Queued: a trainer is alive, and takes it next.",
    "stage": None,
    "stage_number": None,
    "stages": None,
    "stage_share": None,
    "asked_at": "2026-11-24T03:00:00Z",
    "started_at": None,
    "ended_at": None,
    "seconds_elapsed": None,
    "seconds_left": None,
    "attempts": 0,
    "challenger": None,
    "figures": {},
    "outcome": None,
    "needs": [],
}
JOB: Json = {
    **QUEUED,
    "state": "running",
    "summary": "Training (3 of 9), 42% of it done; about 2 min left in all.",
    "stage": "training",
    "stage_number": 3,
    "stages": 9,
    "stage_share": 0.42,
    "started_at": "2026-11-24T03:00:04Z",
    "seconds_elapsed": 61.5,
    "seconds_left": 114,
    "attempts": 1,
    "figures": {"loss": 1.52, "learning_rate": 0.0013},
}
CANCELLING: Json = {
    **JOB,
    "state": "cancelling",
    "summary": "To be cancelled: its trainer stops at its next step.",
    "seconds_left": None,
}
FAILED: Json = {
    **QUEUED,
    "id": "0c9d1e4b6f8a3b2c1d0e9f8a7b5f2c7a",
    "trigger": "schedule",
    "reason": "0 3 * * * (UTC)",
    "state": "failed",
    "summary": "Failed: There are 129 of 1,000 new events; fewer are not worth a training.",
    "asked_at": "2026-11-23T03:00:00Z",
    "started_at": "2026-11-23T03:00:04Z",
    "ended_at": "2026-11-23T03:00:05Z",
    "stages": 9,
    "seconds_elapsed": 1.2,
    "attempts": 1,
    "outcome": "There are 129 of 1,000 new events; fewer are not worth a training.",
    "needs": [{"what": "new events", "there": 129, "needed": 1_000}],
}
JOBS: Json = {"trainer_is_alive": True, "waits_for": None, "jobs": [JOB, FAILED]}
JOB_OVER = Problem(
    type=f"{TYPES}job-over",
    title="This training has ended: there is nothing to cancel.",
    status=409,
    detail="Job 5f2c7a0c9d1e4b6f8a3b2c1d0e9f8a7b has ended: promoted.",
    request_id="5f0c8a",
)
ROLLED_BACK = Problem(
    type=f"{TYPES}model-not-promotable",
    title="This model cannot be put in service.",
    status=409,
    detail=f"{VERSION} was rolled back: complaints about shoes. {GIVE_REASON}",
    request_id="5f0c8a",
)
