"""Licences: everything that runs may be passed on, and is in the bill of materials."""

import sys
from importlib.metadata import Distribution

import pytest

from tests.support.sbom import LISTED, OTHERS, bill, is_permissive, licence_of, licences, runtime

RUNTIME = runtime()


@pytest.mark.parametrize("name", [name for name in RUNTIME if name not in OTHERS])
def test_what_runs_has_a_permissive_licence(name: str) -> None:
    licence = licence_of(RUNTIME[name])

    assert is_permissive(licence), f"{name}: {licence}"


def test_no_exception_is_made_for_what_needs_none() -> None:
    assert set(OTHERS) <= set(RUNTIME)
    assert not [name for name in OTHERS if is_permissive(licence_of(RUNTIME[name]))]


@pytest.mark.parametrize(
    ("expression", "is_fine"),
    [
        ("MIT", True),
        ("Apache-2.0 WITH LLVM-exception AND (MIT OR BSD-3-Clause)", True),
        ("MIT AND GPL-3.0-only", False),
        ("Other/Proprietary License", False),
        ("", False),
    ],
)
def test_a_licence_is_permissive_if_all_that_it_names_is(expression: str, is_fine: bool) -> None:  # noqa: FBT001 - pytest's
    assert is_permissive(expression) is is_fine


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the images have Python 3.11")
def test_the_list_of_licences_is_that_of_what_is_installed() -> None:
    assert LISTED.read_text() == licences(), "make sbom writes it"


def test_the_bill_names_all_that_runs_and_what_asks_for_it() -> None:
    made = bill()

    named = {each["name"].lower().replace("_", "-") for each in made["components"]}
    asked = {each["ref"]: each["dependsOn"] for each in made["dependencies"]}
    (fastapi,) = [ref for ref in asked if ref.startswith("fastapi==")]
    assert made["bomFormat"] == "CycloneDX"
    assert named == set(RUNTIME)
    assert any(ref.startswith("pydantic==") for ref in asked[fastapi])
    assert {"numpy", "torch", "redis", "pyarrow"} <= named
    assert not named & {"pytest", "schemathesis", "hypothesis"}


def test_a_package_that_says_nothing_is_not_taken_for_permissive() -> None:
    class Silent(Distribution):
        def read_text(self, filename: str) -> str | None:
            return "Name: silent\nVersion: 1\n" if filename == "METADATA" else None

        def locate_file(self, path: object) -> None:  # type: ignore[override] # nobody asks
            raise NotImplementedError

    assert not is_permissive(licence_of(Silent()))
