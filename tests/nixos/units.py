#!/usr/bin/env python3
"""Our units as evaluated, in normal form: without the hashes and versions of the store, so that what changes is ours.

    tests/nixos/units.py --write        writes them into tests/systemd/units, to be committed

One host is there as a whole, with the files that its units refer to; of each other one there is what differs.
"""

import difflib
import json
import re
import shutil
import sys
from pathlib import Path

from conftest import Evaluations, names, nix
from toml import to_toml

FOLDER = Path(__file__).parents[1] / "systemd" / "units"
WHOLE = "jex-cpu"

STORE_PATH = re.compile(r"/nix/store/[0-9a-z]{32}-([\w+.?=-]+)")
# What is a text of the same name, looked through by a program.
CHECKED = ["jex.toml"]
# Another one with each commit.
BUILT_AT = re.compile(r"BUILT_AT=\d+")
# As Nix tells a version: it begins with the first dash before something that is no letter.
TRAILING = re.compile("[ \t]+$", re.MULTILINE)
VERSION = re.compile(r"-[^A-Za-z].*")


def normal(text: str) -> str:
    named = STORE_PATH.sub(lambda path: f"@{package(path[1])}@", text)
    named = BUILT_AT.sub("BUILT_AT=0", named)
    return TRAILING.sub("", named).rstrip("\n") + "\n"


def package(name: str) -> str:
    return VERSION.sub("", name)


def of_host(evaluated: dict) -> dict[str, str]:
    """By path in the host's folder: units, and in `files/` what they refer to."""
    result = {unit: normal(text) for unit, text in evaluated["units"].items()}
    result |= {f"files/{name}": normal(text) for name, text in texts(evaluated["derivations"]).items()}
    if table := evaluated["nftables"]:
        body = "".join(line.removeprefix("  ") for line in table["content"].splitlines(keepends=True))
        result["jex.nft"] = f"table {table['family']} jex {{\n{body}}}\n"
    return result


def texts(paths: list[str]) -> dict[str, str]:
    """By name: those derivations that only write a text, and those that these refer to."""
    found, seen = {}, set()
    while paths:
        seen.update(paths)
        referred = set()
        for derivation in json.loads(nix("derivation", "show", *paths)).values():
            attributes = derivation["env"]
            attributes |= json.loads(attributes.get("__json", "{}"))
            text, name = text_of(attributes), package(attributes["name"])
            if text:
                found[name + attributes.get("destination", "")] = text
            if text or name in CHECKED:
                referred.update(derivation["inputDrvs"])
        paths = sorted(referred - seen)
    return found


def text_of(attributes: dict) -> str:
    """What nixpkgs' `writeText` and its kin, and its formats of settings, write; nothing for what is built."""
    if attributes["name"].startswith("X-"):
        # Triggers: what they name is what units refer to anyway.
        return ""
    if "value" not in attributes:
        return attributes.get("text", "")
    if attributes["name"].endswith(".toml"):
        return to_toml(attributes["value"])
    return json.dumps(attributes["value"], indent=2, sort_keys=True) + "\n"


def beside(whole: dict[str, str], host: dict[str, str]) -> dict[str, str]:
    """What differs: what is new as it is, what changed by its lines, what is not there by name."""
    result = {}
    for path, text in host.items():
        if path not in whole:
            result[path] = text
        elif text != whole[path]:
            result[f"{path}.diff"] = changed_lines(whole[path], text)
    if absent := sorted(whole.keys() - host.keys()):
        result["absent"] = "".join(f"{path}\n" for path in absent)
    return result


def changed_lines(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return "".join(f"{line}\n" for line in lines if not line.startswith(("---", "+++", "@@")))


def evaluated(evaluations: Evaluations) -> dict[str, str]:
    """All that is to be committed, by path in the folder."""
    found = {host: of_host(evaluations.value(f"hosts.{host}")["units"]) for host in names("hosts")}
    whole = found.pop(WHOLE)
    folders = {WHOLE: whole} | {host: beside(whole, found[host]) for host in found}
    return {f"{host}/{path}": text for host, folder in folders.items() for path, text in folder.items()}


def committed() -> dict[str, str]:
    return {str(file.relative_to(FOLDER)): file.read_text() for file in FOLDER.rglob("*") if file.is_file()}


def write(files: dict[str, str]):
    shutil.rmtree(FOLDER, ignore_errors=True)
    for path, text in files.items():
        file = FOLDER / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    evaluations = Evaluations([f"hosts.{host}" for host in names("hosts")])
    try:
        write(evaluated(evaluations))
    finally:
        evaluations.stop()
