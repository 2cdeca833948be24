"""Parts are killed in mid-conversation; it goes on."""

import asyncio
import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from caller import RATE, Caller, calling
from speech import QUESTION, answer_error_rate, words

# `agent.port`, where it tells its health.
AGENT_PORT = 7890


async def test_a_killed_model_is_told_and_recovers(stack):
    async with calling(stack, microphone=False) as caller:
        await caller.greeted()
        pid = stack.kill("ollama")

        await caller.type(QUESTION)
        await caller.until(lambda: caller.attribute("jex.problem"), 15, "the problem on the page")
        first = await caller.answered(1)
        await caller.until(lambda: caller.was_told("sorry"), 20, "the apology")
        await asyncio.to_thread(stack.wait_returned, "ollama", pid)
        await caller.type(QUESTION)
        second = await caller.answered(2)

        assert first["problem"]["stage"] == "llm", first
        assert "Paris" in second["answer"], second
        await caller.until(lambda: not caller.attribute("jex.problem"), 5, "the problem to be gone")


async def test_without_piper_espeak_speaks(stack, speech):
    async with calling(stack, microphone=False) as caller:
        await caller.greeted()
        # Stopped, not killed: the supervisor would have it back before it is missed.
        pid = stack.component("piper")["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            caller.audio.clear()
            await caller.type(QUESTION)
            first = await caller.answered(1, 60)
        finally:
            os.kill(pid, signal.SIGCONT)

        assert "Paris" in first["answer"], first
        assert first["problem"]["stage"] == "tts", first
        await caller.until(lambda: caller.state() == "listening", 20, "the end of the answer")
        spoken = await asyncio.to_thread(speech.transcribe, np.concatenate(caller.audio), RATE)
        assert "paris" in words(spoken), spoken


async def test_a_killed_whisper_is_told_and_recovers(stack, speech):
    question = await asyncio.to_thread(speech.say, QUESTION)
    async with calling(stack) as caller:
        await caller.greeted()
        caller.say(*question)
        await caller.until(lambda: caller.attribute("jex.hearing") == "true", 15, "the voice to be heard")

        # Before it is heard, Whisper might be back when it is needed.
        pid = stack.kill("whisper")
        await caller.until(lambda: caller.attribute("jex.problem"), 30, "the problem on the page")
        await asyncio.to_thread(stack.wait_returned, "whisper", pid)
        await caller.until(lambda: caller.state() == "listening", 20, "listening")
        caller.say(*question)
        await caller.until(lambda: caller.turns and "Paris" in caller.turns[-1]["answer"], 40, "the answer")

        assert words(caller.turns[-1]["heard"]) == words(QUESTION)


async def test_a_killed_agent_is_replaced_in_the_room(stack):
    async with calling(stack, microphone=False) as caller:
        await caller.greeted()
        greetings = len(caller.turns)
        stack.kill("agent")

        await caller.until(lambda: len(caller.turns) > greetings, 60, "the greeting of the next agent")
        await caller.until(lambda: len(caller.agents()) == 1, 30, "exactly one agent")
        await caller.type(QUESTION)
        turn = await caller.answered(1)

        assert "Paris" in turn["answer"], turn


async def test_talk_before_the_agent_is_there(stack):
    stack.kill("agent")
    with taken(AGENT_PORT) as port:
        async with calling(stack, microphone=False) as caller:
            assert stack.component("agent")["state"] != "ready"
            assert caller.agents() == []
            port.close()

            await caller.greeted(60)

            assert len(caller.agents()) == 1


def taken(port: int) -> socket.socket:
    """Has a port from the moment that its owner is dead: the next one cannot start until it is closed."""
    deadline = time.monotonic() + 5
    while True:
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", port))
        assert time.monotonic() < deadline, f"port {port} is not free"


async def test_livekit_restarts_in_mid_conversation(stack):
    async with calling(stack, microphone=False) as caller:
        await caller.greeted()
        await caller.type(QUESTION)
        await caller.answered(1)
        stack.kill("livekit")

        await asyncio.wait_for(caller.reconnected.wait(), 60)
        await caller.until(lambda: len(caller.agents()) == 1, 60, "the agent's return")
        # Without the turn before, the model takes this for a language lesson.
        await caller.type("And of Germany?")
        turn = await caller.answered(2)

        assert "Berlin" in turn["answer"], turn
        # Long enough for a second job to have begun if one were to.
        await asyncio.sleep(8)
        assert len(caller.agents()) == 1
        greetings = [t for t in caller.turns if t["turn_id"] is None]
        assert len(greetings) == 1, "a second conversation began"


async def test_a_killed_piper_comes_back(stack):
    async with calling(stack, microphone=False) as caller:
        await caller.greeted()
        pid = stack.kill("piper")

        await caller.type(QUESTION)
        first = await caller.answered(1)
        await asyncio.to_thread(stack.wait_returned, "piper", pid)
        await asyncio.sleep(4)  # a voice that failed is left alone for 3 s
        await caller.type(QUESTION)
        second = await caller.answered(2)

        assert "Paris" in first["answer"] and "usual voice" not in first["answer"], first
        assert "Paris" in second["answer"] and second["problem"] is None, second
        assert "piper" in second["providers"]["tts"], second
        await caller.until(lambda: not caller.attribute("jex.problem"), 5, "the problem to be gone")


async def test_livekit_restarts_in_mid_answer(stack, speech):
    question = await asyncio.to_thread(speech.say, QUESTION)
    async with calling(stack) as caller:
        await caller.greeted()
        await caller.type(QUESTION)
        await caller.until(lambda: caller.state() == "speaking", 30, "the answer")
        stack.kill("livekit")

        await asyncio.wait_for(caller.reconnected.wait(), 60)
        await caller.until(lambda: len(caller.agents()) == 1, 60, "the agent's return")
        await caller.until(lambda: caller.state() == "listening", 30, "an agent that listens")
        caller.audio.clear()
        caller.say(*question)
        await caller.until(lambda: any(t["heard"] and not t["typed"] for t in caller.turns), 90, "the answer")
        await asyncio.sleep(0.5)  # the last frames are still in the jitter buffer
        audio = np.concatenate(caller.audio)

        turn = caller.turns[-1]
        answer = turn["answer"]
        assert "Paris" in answer and not turn["interrupted"], caller.turns
        spoken = await asyncio.to_thread(speech.transcribe, audio, RATE)
        assert answer_error_rate(answer, spoken) <= 0.15, (answer, spoken)


async def test_livekit_says_goodbye_and_comes_back_in_mid_conversation(stack):
    token = stack.token()
    first, second = Caller(), Caller()
    try:
        await first.connect(token, microphone=False)
        await first.greeted()
        await first.type(QUESTION)
        await first.answered(1)
        # Once, it would wait for the caller to leave.
        for _ in range(2):
            pid = stack.kill("livekit", signal.SIGTERM)
        await first.until(lambda: not Path(f"/proc/{pid}").exists(), 30, "the end of LiveKit")
        await first.leave()
        await asyncio.to_thread(stack.wait_ready)

        # As the page does: the same room again, knowing what was said there.
        second.turns = first.turns
        await second.connect(token, microphone=False)
        await second.until(lambda: len(second.agents()) == 1, 60, "the agent's return")
        # The agent hears of a caller who only listens up to 3 s late, and not of what they typed before.
        turn = None
        while turn is None:
            await second.type("And of Germany?")
            with suppress(AssertionError):
                turn = await second.answered(2, 20)

        assert "Berlin" in turn["answer"], turn
        # Long enough for a second job to have begun if one were to.
        await asyncio.sleep(8)
        assert len(second.agents()) == 1
        greetings = [t for t in second.turns if t["turn_id"] is None]
        assert len(greetings) == 1, "a second conversation began"
    finally:
        await first.leave()
        await second.leave()
