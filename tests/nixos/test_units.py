"""A change of a unit is seen in review."""

import difflib

from units import FOLDER, committed, evaluated


def test_the_committed_units_are_those_that_are_evaluated(evaluations):
    before, now = committed(), evaluated(evaluations)

    differing = sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))

    assert differing == [], "\n".join(
        [
            f"{FOLDER} does not hold what the modules say. Where the change is meant: tests/nixos/units.py --write",
            *(line for path in differing for line in changes(path, before.get(path, ""), now.get(path, ""))),
        ]
    )


def changes(path: str, before: str, now: str):
    return difflib.unified_diff(
        before.splitlines(), now.splitlines(), f"committed/{path}", f"evaluated/{path}", lineterm=""
    )
