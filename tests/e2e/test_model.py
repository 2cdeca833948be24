"""The owner takes another model while JEX runs."""

import json

import pytest

from registry import Registry


@pytest.fixture
def registry(stack):
    with Registry(stack.part("model_gguf")) as registry:
        yield registry


def test_another_model_is_pulled_and_answers(stack, registry):
    name = registry.model
    try:
        used = stack.run("model", "use", name, "--yes", timeout=200)
        stack.wait_ready()
        listed = json.loads(stack.run("model", "list", "--json").stdout)
        answer = stack.ask("What is the capital of France?")
    finally:
        stack.run("model", "use", "jex-demo", "--yes", timeout=200)
        stack.wait_ready()

    assert name in used.stdout + used.stderr, used
    assert any("small" in model["name"] and model["chosen"] for model in listed), listed
    assert "small" in answer["providers"]["llm"], answer
    assert answer["answer"], answer


def test_a_model_that_is_nowhere_is_refused_and_the_old_one_stays(stack, registry):
    done = stack.run("model", "use", registry.model + "-not-there", "--yes", timeout=200, check=False)

    assert done.returncode != 0
    assert "small-not-there" in done.stderr, done
    stack.wait_ready()
    assert stack.ask("What is the capital of France?")["providers"]["llm"].startswith("jex-demo")
