"""A caller on the official LiveKit SDK."""

import asyncio
import time

import numpy as np

from caller import RATE, calling
from speech import QUESTION, answer_error_rate, loud, words


async def test_a_spoken_question_is_answered_aloud(stack, speech):
    question = await asyncio.to_thread(speech.say, QUESTION)
    async with calling(stack) as caller:
        await caller.greeted()
        caller.audio.clear()
        caller.say(*question)

        turn = await caller.answered(1)
        await asyncio.sleep(0.5)  # the last frames are still in the jitter buffer
        audio = np.concatenate(caller.audio)

        assert words(turn["heard"]) == words(QUESTION)
        assert [words(s.text) for s in caller.heard() if s.final] == [words(QUESTION)]
        shown = caller.answers()[-1]
        assert shown.final and "Paris" in shown.text, shown
        assert words(shown.text) == words(turn["answer"])
        spoken = await asyncio.to_thread(speech.transcribe, audio, RATE)
        assert answer_error_rate(shown.text, spoken) <= 0.15, (shown.text, spoken)
        assert turn["made_where"] == "on this machine"
        states = [state for _, state in caller.states]
        assert states[-3:] == ["thinking", "speaking", "listening"], states


async def test_typed_text_is_a_turn(stack):
    async with calling(stack, microphone=False) as caller:
        await caller.greeted()
        await caller.type(QUESTION)

        turn = await caller.answered(1)

        assert turn["typed"] and "Paris" in turn["answer"], turn


async def test_speech_over_an_answer_stops_it(stack, speech):
    interruption = await asyncio.to_thread(speech.say, "Stop please, that is enough for now.")
    async with calling(stack) as caller:
        await caller.greeted()
        await caller.type("Tell me a long story about a dragon and a princess.")
        await caller.until(lambda: caller.state() == "speaking", 30, "the answer")
        await asyncio.sleep(1.5)  # let a part of it be heard
        await caller.until(lambda: loud(np.concatenate(caller.audio[-10:]))[-5:].all(), 10, "the middle of a word")
        started = len(caller.audio)
        at = time.monotonic()
        caller.say(*interruption)

        turn = await caller.answered(1, 15)
        await caller.until(lambda: caller.state() != "speaking", 5, "silence")
        stopped_after = time.monotonic() - at

        assert turn["interrupted"], turn
        shown = next(s for s in caller.answers() if s.attributes.get("jex.interrupted") == "true")
        assert shown.final and words(turn["answer"]), (shown, turn)
        # The answer goes on for many seconds unless it is stopped.
        assert stopped_after < 3, stopped_after
        audible = loud(np.concatenate(caller.audio[started:]))
        assert audible[:5].any(), "nothing was being said when the interruption began"
        assert audible.sum() * 0.02 < 3, f"{audible.sum() * 0.02:.1f} s of the answer after the interruption"


async def test_the_stop_button_stops_an_answer(stack):
    async with calling(stack, microphone=False) as caller:
        await caller.greeted()
        await caller.type("Tell me a long story about a dragon and a princess.")
        await caller.until(lambda: caller.state() == "speaking", 30, "the answer")
        agent = caller.agents()[0].identity

        await caller.room.local_participant.perform_rpc(
            destination_identity=agent, method="jex.interrupt", payload="{}"
        )

        turn = await caller.answered(1, 5)
        assert turn["interrupted"], turn
        await caller.until(lambda: caller.state() == "listening", 5, "listening again")


async def test_every_talk_has_a_room_of_its_own_and_one_agent(stack):
    async with calling(stack, microphone=False) as one, calling(stack, microphone=False) as other:
        await one.greeted()
        await other.greeted()

        assert one.room.name != other.room.name
        assert len(one.agents()) == len(other.agents()) == 1
