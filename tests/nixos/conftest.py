"""Evaluates the flake, two processes at a time: one host takes a gigabyte."""

import json
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

NIX = Path(__file__).parent / "nix"
LIMIT_SECONDS = 300


def run(*arguments: str) -> subprocess.CompletedProcess:
    done = subprocess.run([NIX, *arguments], capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert done.returncode == 0, done.stderr[-4000:]
    return done


def nix(*arguments: str) -> str:
    return run(*arguments).stdout


def traced(attribute: str, what: str) -> set[str]:
    """What an attribute of the evaluation tests says on its way: lines of `trace: WHAT: …`."""
    begin = f"trace: {what}: "
    lines = run("eval", "--json", f".#lib.evaluationTests.{attribute}").stderr.splitlines()
    return {line.removeprefix(begin) for line in lines if line.startswith(begin)}


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
        return self._running[attribute].result()

    @staticmethod
    def _evaluate(attribute: str):
        return json.loads(nix("eval", "--json", f".#lib.evaluationTests.{attribute}"))

    def stop(self):
        self._pool.shutdown(cancel_futures=True)
