"""Pinned models in the folder of a real Ollama."""

import json
import os
import shutil
import socket
import subprocess
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest

from scripts import CHECKOUT, run

MANIFESTS = CHECKOUT / "nix/models/manifests"
DEMO = "manifests/registry.ollama.ai/library/jex-demo/latest"


def part(name: str) -> Path:
    file = Path(os.environ.get("JEX_PARTS") or Path.home() / ".cache/jex/parts.toml")
    if not file.exists() or name not in (parts := tomllib.loads(file.read_text())):
        pytest.fail(f"{file} has no {name}: ./dev parts")
    return Path(parts[name])


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The store, with the packaged model as `fromGguf` lays it out."""
    if not shutil.which("jq"):
        pytest.fail("there is no jq")
    store = tmp_path_factory.mktemp("store")
    shutil.copy(part("model_gguf"), store / "model.gguf")
    parameters = store / "parameters.json"
    parameters.write_text(json.dumps({"stop": ["<|im_start|>", "<|im_end|>"]}))
    template = CHECKOUT / "nix/models/chatml.template"
    arguments = store / "demo", DEMO, store / "model.gguf", template, parameters
    made = run("from-gguf", ["nix/models/from-gguf.sh"], *arguments)
    assert made.returncode == 0, made.stderr
    return store / "demo"


def link(models: Path, store: Path, *pinned: Path):
    linked = run("link", ["nix/models/link.sh"], models, store, *pinned)
    assert linked.returncode == 0, linked.stderr


class Ollama:
    def __init__(self, models: Path, home: Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        environment = {"OLLAMA_HOST": self.address, "OLLAMA_MODELS": str(models), "HOME": str(home)}
        self.process = subprocess.Popen(
            [part("ollama"), "serve"],
            env=os.environ | environment | {"OLLAMA_NO_CLOUD": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                self.ask("version")
                return
            except OSError:
                assert time.monotonic() < deadline and self.process.poll() is None, "Ollama does not start"
                time.sleep(0.1)

    def ask(self, path: str, body: dict | None = None, method: str | None = None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.address}/api/{path}", data, method=method)
        # Loading a model takes long where much else runs.
        with urllib.request.urlopen(request, timeout=150) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def names(self) -> set[str]:
        return {model["name"] for model in self.ask("tags")["models"]}

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def ollama(tmp_path):
    running = []

    def start(models: Path) -> Ollama:
        running.append(Ollama(models, tmp_path))
        return running[-1]

    yield start
    for server in running:
        server.stop()


def test_a_pinned_model_is_listed_and_answers(demo, ollama, tmp_path):
    models = tmp_path / "models"
    link(models, demo.parent, demo)

    server = ollama(models)

    assert server.names() == {"jex-demo:latest"}
    question = {"role": "user", "content": "What is the capital of France?"}
    options = {"temperature": 0, "num_predict": 30}
    answer = server.ask("chat", {"model": "jex-demo", "messages": [question], "stream": False, "options": options})
    assert "Paris" in answer["message"]["content"]


def test_nothing_is_copied(demo, tmp_path):
    models = tmp_path / "models"

    link(models, demo.parent, demo)

    files = [file for file in models.rglob("*") if not file.is_dir()]
    assert files and all(file.is_symlink() for file in files)


def test_a_model_of_the_owners_stays_beside_it(demo, ollama, tmp_path):
    models = tmp_path / "models"
    link(models, demo.parent, demo)
    server = ollama(models)
    server.ask("create", {"model": "mine", "from": "jex-demo", "system": "Be kind.", "stream": False})
    server.stop()

    link(models, demo.parent, demo)

    assert ollama(models).names() == {"jex-demo:latest", "mine:latest"}


def test_what_is_pinned_no_more_is_gone(demo, ollama, tmp_path):
    models = tmp_path / "models"
    link(models, demo.parent, demo)

    link(models, demo.parent)

    assert ollama(models).names() == set()
    assert list((models / "blobs").iterdir()) == list((models / "manifests").iterdir()) == []


def test_a_model_that_the_owner_removed_is_there_again_after_the_next_start(demo, ollama, tmp_path):
    models = tmp_path / "models"
    link(models, demo.parent, demo)
    server = ollama(models)
    server.ask("delete", {"model": "jex-demo"}, method="DELETE")
    assert server.names() == set()
    server.stop()

    link(models, demo.parent, demo)

    assert ollama(models).names() == {"jex-demo:latest"}
    assert (demo.parent / "model.gguf").exists()


# As Ollama's library shows it: the beginning of the manifest's SHA-256.
IDENTIFIERS = {"llama3.2-3b": "a80c4f17acd5", "llama3.1-8b": "46e0c10c039e", "qwen2.5-0.5b": "a8b0c5157701"}


def test_every_manifest_has_an_identifier_to_compare_with():
    assert {file.stem for file in MANIFESTS.iterdir()} == set(IDENTIFIERS)


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_a_pinned_manifest_is_that_of_the_library(name):
    digest = subprocess.check_output(["sha256sum", MANIFESTS / f"{name}.json"], text=True)

    assert digest.startswith(IDENTIFIERS[name])
