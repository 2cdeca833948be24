"""Evaluates the flake, two processes at a time: one host takes a gigabyte."""

import json
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest

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

    def __init__(self, attributes: list[str]):
        self._pool = ThreadPoolExecutor(2)
        self._running: dict[str, Future] = {name: self._pool.submit(self._evaluate, name) for name in attributes}

    def value(self, attribute: str):
        return json.loads(self._running[attribute].result().stdout)

    def traced(self, attribute: str, what: str) -> set[str]:
        """What it said on its way: lines of `trace: WHAT: …`."""
        begin = f"trace: {what}: "
        lines = self._running[attribute].result().stderr.splitlines()
        return {line.removeprefix(begin) for line in lines if line.startswith(begin)}

    @staticmethod
    def _evaluate(attribute: str) -> subprocess.CompletedProcess:
        return run("eval", "--json", f".#lib.evaluationTests.{attribute}")

    def stop(self):
        self._pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="session")
def evaluations():
    groups = ["hosts", "images", "vmTests", "outputs", "coqui", "template", "refusals"]
    single = ["withDomain", "deploy", "installer", "layouts", "germanSettings", "undocumented"]
    running = Evaluations([*(f"{group}.{name}" for group in groups for name in names(group)), *single])
    yield running
    running.stop()
