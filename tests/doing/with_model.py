"""The same with a real model that can call tools, by hand:

    export JEX_TEST_MODEL_URL=http://127.0.0.1:11434/v1 JEX_TEST_MODEL=qwen3:8b
    tests/in-namespace pytest tests/doing/with_model.py

The namespace sees nothing outside of the machine: the model has to run in it, or run this outside of one with a
network card other than loopback.
"""

import pytest

from house import House, configured, lived_in, visiting
from speech import Speech


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    model = configured()
    if model is None:
        pytest.skip("JEX_TEST_MODEL_URL and JEX_TEST_MODEL name no model")
    running = House(tmp_path_factory.mktemp("home"), *model)
    with lived_in(running):
        yield running


@pytest.fixture(scope="module")
def speech(house):
    return Speech(house)


async def test_a_reminder(house, speech):
    async with visiting(house, speech) as guest:
        await guest.says("Please remind me in one minute to drink water.")
        await guest.asked("water", seconds=120)
        await guest.says("Yes, please.")
        await guest.told("water", 180)
    assert len(house.runs_of("set_reminder")) == 1


async def test_a_list(house, speech):
    async with visiting(house, speech) as guest:
        await guest.says("Add milk to my shopping list.")
        await guest.asked("milk", seconds=120)
        await guest.says("Yes.")
        await guest.caller.answered(1, 120)
        await guest.says("What is on my shopping list?")
        answer = await guest.caller.answered(2, 120)
        assert "milk" in answer["answer"].lower(), answer
