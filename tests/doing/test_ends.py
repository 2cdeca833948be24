"""What is killed in the middle is started again, and nothing is lost or done twice."""

import asyncio

from house import slow_look, visiting, wait_until


async def test_a_call_that_n8n_died_in_is_told_and_never_made_again(house, speech):
    house.publish(slow_look(20))
    house.wait_tool("slow_look")
    async with visiting(house, speech) as guest:
        await guest.types("Do the slow thing.")
        await guest.caller.until(lambda: "slow_look" in guest.caller.attribute("jex.acting"), 30, "it runs")
        await asyncio.sleep(3)

        killed = house.kill("n8n")
        await guest.told("slow look: unknown", 60)
        await asyncio.to_thread(house.wait_returned, "n8n", killed)

        await guest.told("what became of slow look", 120)
    runs = house.runs_of("slow_look")
    assert len(runs) == 1, [run["status"] for run in runs]
    calls = [call for whole in house.history() for call in whole["calls"] if call["tool"] == "slow_look"]
    assert [call["outcome"] for call in calls] == ["failed"]


async def test_the_conversation_goes_on_without_its_database_and_nothing_is_lost_or_twice(house, speech):
    async with visiting(house, speech) as guest:
        await guest.types("Before.")
        await guest.told("i see")
        killed = house.kill("postgresql")
        await guest.types("Without it.")
        await guest.told("i see", times=2)
        await asyncio.to_thread(house.wait_returned, "postgresql", killed)
        await guest.types("After.")
        await guest.told("i see", times=3)

    said = ("Before.", "Without it.", "After.")
    wait_until(lambda: all(house.said(text) for text in said), 60, "all of it is in the history")
    assert [house.said(text) for text in said] == [1, 1, 1]
    assert house.run("audit", "verify").returncode == 0


async def test_an_agent_that_is_killed_loses_no_intent(house, speech):
    async with visiting(house, speech) as guest:
        await guest.types("Do the slow thing.")
        await guest.caller.until(lambda: "slow_look" in guest.caller.attribute("jex.acting"), 30, "it runs")
        await asyncio.sleep(2)
        killed = house.kill("agent")
        await asyncio.to_thread(house.wait_returned, "agent", killed)

    def outcomes():
        calls = [call for whole in house.history() for call in whole["calls"] if call["tool"] == "slow_look"]
        return sorted(str(call["outcome"]) for call in calls)

    # n8n knows nothing of the death and goes on to the end.
    wait_until(lambda: outcomes() == ["done", "failed"], 90, "what became of it is known")
    assert len(house.runs_of("slow_look")) == 2
