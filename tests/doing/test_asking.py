"""Asked, allowed and written down: what is said becomes what is done, and nothing else does."""

import asyncio
from pathlib import Path

from house import visiting, wait_until


async def test_a_spoken_reminder_is_spoken_in_the_room_though_n8n_died_meanwhile(house, speech):
    async with visiting(house, speech) as guest:
        await guest.says("Please remind me in one minute to drink water.")
        await guest.asked("drink water", "one minute")
        await guest.says("Yes, please.")
        await guest.told("set reminder: done")

        killed = house.kill("n8n")
        await asyncio.to_thread(house.wait_returned, "n8n", killed)
        await guest.told("reminder: drink water", 120)

        await asyncio.sleep(12)  # two more rounds of the schedule
        assert guest.times_told("reminder: drink water") == 1
    assert len(house.runs_of("set_reminder")) == 1


async def test_spoken_words_go_on_a_list_and_are_read_from_it(house, speech):
    async with visiting(house, speech) as guest:
        await guest.says("Add milk to my shopping list.")
        await guest.asked("milk", "shopping")
        await guest.says("Yes.")
        await guest.told("add to list: done")

        await guest.says("What is on my shopping list?")

        await guest.told("read list: done")
        assert guest.times_told("milk") >= 1
    calls = [call for whole in house.history() for call in whole["calls"]]
    made = {(call["tool"], call["decision"], call["outcome"]) for call in calls}
    assert {("add_to_list", "confirmed", "done"), ("read_list", "allowed", "done")} <= made


async def test_what_the_owner_forbids_is_not_called(house, speech):
    async with visiting(house, speech) as guest:
        await guest.types("Take a note.")

        await guest.told("take note: not called")

    assert house.runs_of("take_note") == []


async def test_without_a_yes_nothing_is_called(house, speech):
    before = len(house.runs_of("add_to_list"))
    async with visiting(house, speech) as guest:
        await guest.types("Add eggs to my shopping list.")
        await guest.asked("eggs")
        # No yes, and something to answer.
        await guest.says("Maybe tomorrow.")
        await guest.told("i see")

        await guest.types("Now really add eggs to my shopping list.")
        await guest.asked("eggs")
        await asyncio.sleep(31)
        await guest.told("add to list: not called")

    assert len(house.runs_of("add_to_list")) == before


async def test_what_is_forgotten_is_nowhere(house, speech):
    async with visiting(house, speech) as guest:
        await guest.types("Forget the last hour.")
        await guest.asked("60 minutes")
        await guest.types("Yes.")
        await guest.told("forget last minutes: done", 90)

    # The visit itself was not over.
    assert all("milk" not in str(whole) and "water" not in str(whole) for whole in house.history())
    tools = ("set_reminder", "add_to_list", "read_list")
    wait_until(lambda: not any(house.runs_of(tool) for tool in tools), 60, "n8n forgets the runs")
    verified = house.run("audit", "verify")
    assert verified.returncode == 0
    # What is on the list is the owner's and stays.
    wait_until(lambda: not files_with(house, b"drink water"), 60, "no file holds the words")


def files_with(house, words: bytes) -> list[Path]:
    """Of the journal and of PostgreSQL, where n8n's runs are as well."""
    folders = [house.home / "state" / "jex" / "journal", Path(house.database.name)]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 100
    return [file for file in files if words in content(file)]


def content(file: Path) -> bytes:
    """PostgreSQL removes files of its own accord."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
