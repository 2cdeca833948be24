"""The documentation says what is so: its commands, options and links exist, and its Nix evaluates."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import nix
from pages import Page, flake_attributes, jex_arguments

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GUIDES = [Page(path) for path in sorted(DOCS.glob("*.md")) if path.name != "options.md"]
README = Page(ROOT / "README.md")
PAGES = [*GUIDES, Page(DOCS / "options.md"), README]
CLI = (ROOT / "crates/jex/src/cli.rs").read_text()

COMMANDS = [command for page in [*GUIDES, README] for command in page.commands]

ATTRIBUTES = sorted({tuple(paths) for command in COMMANDS for paths in flake_attributes(command)})
CALLS = sorted({tuple(arguments) for command in COMMANDS for arguments in jex_arguments(command)})
SNIPPETS = [
    pytest.param(code, id=f"{page.path.stem}-{number}")
    for page in GUIDES
    for number, code in enumerate(page.blocks("nix"), start=1)
]


def of_page(pages):
    return pytest.mark.parametrize("page", pages, ids=lambda page: page.path.stem)


@pytest.fixture(scope="session")
def options() -> list[dict]:
    return json.loads(nix("eval", "--json", ".#lib.options"))


def test_there_is_something_to_check():
    assert len(GUIDES) > 5 and len(ATTRIBUTES) > 5 and len(CALLS) > 3 and len(SNIPPETS) > 5


def test_the_option_reference_is_what_the_module_says(options):
    generated = subprocess.run([sys.executable, DOCS / "options.py"], capture_output=True, text=True)

    assert generated.returncode == 0, generated.stderr
    assert generated.stdout == (DOCS / "options.md").read_text(), "run docs/options.py --write"
    assert "/nix/store" not in generated.stdout
    assert all(f"`{option['name']}`" in generated.stdout for option in options)


@pytest.mark.parametrize("paths", ATTRIBUTES, ids=lambda paths: paths[0])
def test_a_flake_reference_names_something(paths):
    def exists(path):
        *parents, name = [f'"{part}"' for part in path.split(".")]
        found = nix("eval", "--json", f".#{'.'.join(parents)}", "--apply", f"parent: parent ? {name}")
        return json.loads(found)

    assert any(exists(path) for path in paths)


@pytest.mark.parametrize("arguments", CALLS, ids=" ".join)
def test_a_jex_command_is_one_that_there_is(arguments):
    level = subcommands("Command")
    for argument in arguments:
        if argument.startswith("--"):
            assert re.search(rf"\b{argument[2:].split('=')[0].replace('-', '_')}: |long = \"{argument[2:]}\"", CLI)
        elif level is not None:
            assert argument in level
            level = subcommands(level[argument]) if level[argument] else None


def subcommands(enum: str) -> dict[str, str | None]:
    """The subcommands that an enum of the command line defines, each with the enum of its own subcommands."""
    body = re.search(rf"enum {enum} {{\n(.*?)^}}", CLI, re.MULTILINE | re.DOTALL)
    assert body, f"crates/jex/src/cli.rs has no enum {enum}"
    variants = re.findall(r"^    (\w+)(?:\((\w+)\))?[,\s{]", body[1], re.MULTILINE)
    return {
        re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower(): inner if inner.endswith("Command") else None
        for name, inner in variants
    }


def test_the_programs_that_are_named_are_installed():
    named = {name for command in COMMANDS for name in re.findall(r"sudo (jex-[a-z-]+)", command)}
    with_backup = 'host.extendModules { modules = [ { services.jex.backup.target = "/mnt/usb/jex"; } ]; }'
    names = f"host: map (package: package.name) ({with_backup}).config.environment.systemPackages"

    installed = json.loads(nix("eval", "--json", ".#nixosConfigurations.jex-cpu", "--apply", names))
    assert named and named <= set(installed)


# What cannot be had of a host with a piece of configuration on top; its own options have to be of their types.
WRONG = """
host:
let
  inherit (host.extendModules {{ modules = [ ({snippet}) {{ services.jex.owner.sshKeys = [ "a key" ]; }} ]; }}) config;
  ours = removeAttrs config.services.jex [ "package" "page" "settingsFile" "partsFile" "models" ];
  failed = builtins.filter (assertion: !assertion.assertion) config.assertions;
in
builtins.deepSeq ours (map (assertion: assertion.message) failed)
"""


@pytest.fixture(scope="session")
def wrong(request):
    """Of each snippet that is asked for, two at a time."""
    asked = {item.callspec.params["snippet"] for item in request.session.items if "wrong" in item.fixturenames}

    def evaluate(snippet):
        found = nix("eval", "--json", ".#nixosConfigurations.jex-cpu", "--apply", WRONG.format(snippet=snippet))
        return json.loads(found)

    with ThreadPoolExecutor(2) as pool:
        yield {snippet: pool.submit(evaluate, snippet) for snippet in asked}


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_piece_of_configuration_evaluates(wrong, snippet):
    assert wrong[snippet].result() == []


@of_page(PAGES)
def test_options_that_are_named_exist(page, options):
    names = {option["name"] for option in options}
    groups = {name[:end] for name in names for end in (match.start() for match in re.finditer(r"\.", name))}
    named = set(re.findall(r"\bservices\.jex(?:\.\w+)+", "\n".join(page.spans)))

    unknown = {name for name in named if name not in names | groups and not name.startswith("services.jex.settings.")}
    assert unknown - {"services.jex.egress.allowed"} == set()


@of_page(PAGES)
def test_links_lead_somewhere(page):
    for link in page.links:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = Path(os.path.normpath(page.path.parent / path)) if path else page.path
        assert target.exists(), link
        assert not anchor or anchor in Page(target).anchors, link


def test_every_page_is_reached_from_the_entrance():
    linked = {link.partition("#")[0] for link in Page(DOCS / "README.md").links}

    assert linked >= {path.name for path in DOCS.glob("*.md")} - {"README.md"}
