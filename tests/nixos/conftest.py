"""Evaluates the flake, two processes at a time: one host takes a gigabyte."""

import json
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest

# Of these one process takes several: none has packages.
SMALL = ("refusals",)
AT_ONCE = 4
NIX = Path(__file__).parent / "nix"
LIMIT_SECONDS = 300


def run(*arguments: str) -> subprocess.CompletedProcess:
    done = subprocess.run([NIX, *arguments], capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert done.returncode == 0, done.stderr[-4000:]
    return done


def nix(*arguments: str) -> str:
    return run(*arguments).stdout


@cache
def names(attribute: str) -> list[str]:
    """What an attribute of the evaluation tests holds."""
    return json.loads(nix("eval", "--json", f".#lib.evaluationTests.{attribute}", "--apply", "builtins.attrNames"))


class Evaluations:
    """All of them are begun as soon as one is asked for."""

    def __init__(self, attributes: list[str], small: tuple[str, ...] = ()):
        self._pool = ThreadPoolExecutor(2)
        self._running: dict[str, Future] = {name: self._pool.submit(self._evaluate, name) for name in attributes}
        for group in small:
            members = names(group)
            for first in range(0, len(members), AT_ONCE):
                batch = members[first : first + AT_ONCE]
                running = self._pool.submit(self._evaluate_together, group, batch)
                self._running |= {f"{group}.{name}": running for name in batch}

    def value(self, attribute: str):
        value = json.loads(self._running[attribute].result().stdout)
        group, _, name = attribute.partition(".")
        return value[name] if group in SMALL else value

    def traced(self, attribute: str, what: str) -> set[str]:
        """What it said on its way: lines of `trace: WHAT: …`."""
        begin = f"trace: {what}: "
        lines = self._running[attribute].result().stderr.splitlines()
        return {line.removeprefix(begin) for line in lines if line.startswith(begin)}

    @staticmethod
    def _evaluate(attribute: str) -> subprocess.CompletedProcess:
        return run("eval", "--json", f".#lib.evaluationTests.{attribute}")

    @staticmethod
    def _evaluate_together(group: str, members: list[str]) -> subprocess.CompletedProcess:
        together = " ".join(f'"{name}"' for name in members)
        function = f"all: {{ inherit (all) {together}; }}"
        return run("eval", "--json", f".#lib.evaluationTests.{group}", "--apply", function)

    def stop(self):
        self._pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="session")
def evaluations():
    groups = ["hosts", "images", "vmTests", "outputs", "coqui", "template"]
    single = ["withDomain", "deploy", "installer", "layouts", "germanSettings", "undocumented"]
    running = Evaluations([*(f"{group}.{name}" for group in groups for name in names(group)), *single], SMALL)
    yield running
    running.stop()
