"""Examples: what the routes of models answer, as OpenAPI shows it."""

from service.examples import Json

VERSION = "20261124T030000Z-9f86d081"
FORMER = "20261123T030000Z-1c2d3e4f"

SUMMARY: Json = {
    "version": VERSION,
    "role": "champion",
    "parent": FORMER,
    "created_at": "2026-11-24T03:07:12Z",
    "trained_on": {"since": "2026-08-26T00:00:00Z", "until": "2026-11-24T00:00:00Z"},
    "space_id": "9f86d081884c7d65",
    "promote": True,
    "reason": "newest NDCG@10 rose from 0.0912 to 0.0951 (+4.3%, p 0.003).",
}
MODELS: Json = {"champion": VERSION, "former": FORMER, "wanted": None, "models": [SUMMARY]}
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
        "reason": "newest NDCG@10 rose from 0.0912 to 0.0951 (+4.3%, p 0.003).",
        "checks": [
            {
                "name": "newest NDCG@10",
                "champion": 0.0912,
                "challenger": 0.0951,
                "baseline": 0.0810,
                "limit": 0.0903,
                "at_most": False,
                "passed": True,
                "reason": "newest NDCG@10 rose from 0.0912 to 0.0951 (+4.3%, p 0.003).",
            }
        ],
    },
}
PROMOTION: Json = {"version": VERSION, "role": "wanted"}
ROLLBACK: Json = {"champion": FORMER}
JOB: Json = {
    "id": "5f2c7a0c9d1e4b6f8a3b2c1d0e9f8a7b",
    "trigger": "request",
    "reason": "new season",
    "state": "queued",
    "stage": None,
    "asked_at": "2026-11-24T03:00:00Z",
    "started_at": None,
    "ended_at": None,
    "attempts": 0,
    "challenger": None,
    "figures": {},
    "outcome": None,
}
JOBS: Json = {"jobs": [JOB]}
