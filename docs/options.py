#!/usr/bin/env python3
"""Writes docs/options.md from the module's own options, found by evaluating the flake.

docs/options.py          print the page
docs/options.py --write  write it to docs/options.md
"""

import json
import re
import subprocess
import sys
from itertools import groupby
from pathlib import Path
from textwrap import indent

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "options.md"
NIX = DOCS.parent / "tests/nixos/nix"
LINE = 90

HEAD = """\
# Options

Every option of the NixOS module, as `docs/options.py --write` finds them by evaluating it. Change a description in
`nixos-modules/` and run that again; a test compares.

`jex.disk` is there on machines that the installer or nixos-anywhere partitions.

What is not an option of its own goes into `services.jex.settings`, by the names of `jex.toml`: `jex config show` lists
them all.
"""


def options() -> list[dict]:
    """What `nix/options.nix` tells of each option, by name."""
    run = subprocess.run([NIX, "eval", "--json", ".#lib.options"], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"the options cannot be evaluated:\n{run.stderr}")
    return sorted(json.loads(run.stdout), key=lambda option: option["name"])


def code(text: str) -> str:
    """Nix code within a line where that reads well, else as a block of its own."""
    text = text.strip()
    in_line = re.sub(r"\n\s*", " ", text)
    if len(in_line) <= LINE and "''" not in text:
        return f" `{in_line}`"
    block = indent(f"```nix\n{text}\n```", "  ")
    return f"\n\n{block}"


def value(label: str, it: dict | None) -> str:
    if it is None:
        return ""
    return f"\n* {label}:{code(it['text']) if it['isCode'] else ' ' + it['text'].strip()}"


def section(option: dict) -> str:
    default = value("default", option["default"]) or "\n* has to be set"
    return (
        f"### `{option['name']}`\n\n{option['description'].strip()}\n\n"
        f"* type: `{option['type']}`{default}{value('example', option['example'])}\n"
    )


def group(option: dict) -> str:
    """The concern that an option belongs to: what stands before the last dot of its name, two or three words deep."""
    return ".".join(option["name"].split(".")[:-1][:3])


def page(found: list[dict]) -> str:
    """Concern by concern."""
    found = sorted(found, key=lambda option: (group(option), option["name"]))
    parts = [HEAD]
    for concern, members in groupby(found, key=group):
        parts.append(f"## {concern}\n")
        parts.extend(section(option) for option in members)
    return "\n".join(parts)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            print(page(options()), end="")
        case ["--write"]:
            PAGE.write_text(page(options()))
        case _:
            sys.exit(__doc__)
