"""Known holes in what is installed: `make audit`, by pip-audit and the database of PyPI.

Where the database is not reached, pip-audit finds nothing, of no package: that is no clean bill,
and is said.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from sandbox.processes import python

NOT_REACHED = (
    "Left out: the database of known holes is not reached from here, so nothing was audited."
)


def audited() -> list[dict[str, Any]]:
    """Return what pip-audit says of each package that is installed; nothing, if it says nothing."""
    ended = subprocess.run(  # noqa: S603 - our own command line
        [
            *python("pip_audit", "--local", "--skip-editable"),
            *("--format", "json", "--progress-spinner", "off"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found: list[dict[str, Any]] = json.loads(ended.stdout)["dependencies"]
    except (ValueError, KeyError):
        return []
    return found


def verdict(packages: Sequence[dict[str, Any]]) -> tuple[int, str]:
    """Return an exit code, and what to say."""
    asked = [each for each in packages if "vulns" in each]
    if not asked:
        return 0, NOT_REACHED
    holes = [
        f"{each['name']} {each['version']}: {hole['id']}"
        f" (mended in {', '.join(hole['fix_versions']) or 'no version'})"
        for each in asked
        for hole in each["vulns"]
    ]
    left_out = [each["name"] for each in packages if "vulns" not in each]
    rest = f"; not known to it: {', '.join(left_out)}" if left_out else ""
    return bool(holes), "\n".join([*holes, f"{len(asked)} packages audited{rest}."])


def main() -> None:
    """Audit, and say what was found."""
    code, said = verdict(audited())
    sys.stdout.write(said + "\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
