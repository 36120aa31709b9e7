"""The contract of the API: whatever it allows is answered as it says, and nothing fails."""

import re
from pathlib import Path

import pytest

from sandbox.servers import start_servers
from tests.support.fuzzed import fuzz, serving_shop

pytestmark = pytest.mark.e2e

FEW = "8"  # examples of an operation and phase; `make fuzz-http` has minutes for them
SEED = "7"
STREAMS = 2  # that have no end to wait for


@pytest.mark.parametrize("with_keys", [False, True], ids=["access off", "access by keys"])
def test_no_request_that_the_contract_describes_has_an_answer_that_it_does_not(
    tmp_path: Path,
    with_keys: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    with start_servers(tmp_path) as servers, serving_shop(servers, with_keys=with_keys) as target:
        found = fuzz(target, "--max-examples", FEW, "--seed", SEED, "--no-shrink")
        log = target.log.read_text()

    assert found.returncode == 0, found.stdout + found.stderr
    counted = re.search(r"Operations: +(\d\d) selected / (\d\d) total", found.stdout)
    assert counted is not None
    assert int(counted[2]) - int(counted[1]) == STREAMS
    assert "process_failed" not in log
    assert not [line for line in log.splitlines() if '"status": 500' in line]
