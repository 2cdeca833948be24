"""What a page of the documentation holds: code, commands, links, names."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FENCE = re.compile(r"^( *)```(\S*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FLAKE_REFERENCE = re.compile(r"(?:^|\s)\.#([\w.-]+)")


@dataclass(frozen=True)
class Page:
    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    def blocks(self, language: str) -> list[str]:
        """The code between fences, without the list's indentation."""
        return [
            re.sub(rf"^{indent}", "", code, flags=re.MULTILINE)
            for indent, of, code in FENCE.findall(self.text)
            if of == language
        ]

    @cached_property
    def prose(self) -> str:
        return FENCE.sub("", self.text)

    @cached_property
    def spans(self) -> list[str]:
        """Code within lines."""
        return SPAN.findall(self.prose)

    @cached_property
    def commands(self) -> list[str]:
        """Whole commands: those of shell blocks, lines that go on joined, and those within sentences."""
        lines = "\n".join(self.blocks("sh")).replace("\\\n", " ").splitlines()
        return [line.strip() for line in [*lines, *self.spans] if line.strip()]

    @cached_property
    def links(self) -> list[str]:
        return LINK.findall(SPAN.sub("", self.prose))

    @cached_property
    def anchors(self) -> set[str]:
        """Of its headings, as GitHub makes them."""
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(self.prose)}


def flake_attributes(command: str) -> list[list[str]]:
    """Where in the flake a command looks: for each `.#NAME` the paths that it may mean."""
    return [_paths(command, name) for name in FLAKE_REFERENCE.findall(command)]


def _paths(command: str, name: str) -> list[str]:
    if "." in name:
        return [name]
    if command == f".#{name}":
        return [f"nixosConfigurations.{name}", f"packages.x86_64-linux.{name}"]
    if "deploy-rs" in command:
        return [f"deploy.nodes.{name}"]
    if "--flake" in command:
        return [f"nixosConfigurations.{name}"]
    if "nix run" in command:
        return [f"apps.x86_64-linux.{name}", f"packages.x86_64-linux.{name}"]
    return [f"packages.x86_64-linux.{name}"]


def jex_arguments(command: str) -> list[list[str]]:
    """The arguments of each `jex` that a command runs, by itself, with sudo, or over ssh."""
    word = r"[\w./:=-]+|\"[^\"]*\""
    called = re.findall(rf"(?:^|sudo |&& |owner@\S+ )jex((?: (?:{word}))+)", command)
    return [re.findall(word, arguments) for arguments in called]
