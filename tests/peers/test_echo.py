"""What a participant in Rust and one on the official SDK say to each other."""

import asyncio
import contextlib

import pytest
from livekit import api, rtc

from server import KEY, SECRET


async def test_the_sdk_sees_an_agent_with_a_microphone_and_a_state(anna):
    await anna.until("a state", lambda: anna.agent().attributes.get("lk.agent.state") == "listening")

    agent = anna.agent()
    assert agent.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
    [publication] = agent.track_publications.values()
    assert publication.source == rtc.TrackSource.SOURCE_MICROPHONE


async def test_audio_goes_both_ways(anna):
    anna.hertz = 440
    await anna.publish()

    await anna.until("the tone back", lambda: anna.share_of(440) > 0.8)
    anna.hertz = 1000
    await anna.until("the other tone back", lambda: anna.share_of(1000) > 0.8)
    anna.hertz = 0
    await anna.until("silence", anna.hears_silence)


async def test_a_microphone_that_is_muted_is_silent_there_and_back(anna, echo):
    anna.hertz = 440
    await anna.publish()
    await anna.until("the tone back", lambda: anna.share_of(440) > 0.8)

    anna.track.mute()
    await anna.until("silence", anna.hears_silence)
    echo.wait_for("muted: true")

    anna.track.unmute()
    await anna.until("the tone back", lambda: anna.share_of(440) > 0.8)


async def test_our_mute_is_seen_and_heard(anna):
    anna.hertz = 440
    await anna.publish()
    await anna.until("the tone back", lambda: anna.share_of(440) > 0.8)

    await anna.call("mute", "true")
    await anna.until("the mute", lambda: "echo muted" in anna.events)
    await anna.until("silence", anna.hears_silence)
    await anna.call("mute", "false")

    await anna.until("the unmute", lambda: "echo unmuted" in anna.events)
    await anna.until("the tone back", lambda: anna.share_of(440) > 0.8)


async def test_a_mute_by_the_server_is_obeyed(server, anna, room):
    anna.hertz = 440
    await anna.publish()
    await anna.until("the tone back", lambda: anna.share_of(440) > 0.8)
    [publication] = anna.agent().track_publications.values()

    async with api.LiveKitAPI(server.http_url, KEY, SECRET) as service:
        mute = api.MuteRoomTrackRequest(room=room, identity="echo", track_sid=publication.sid, muted=True)
        await service.room.mute_published_track(mute)

    await anna.until("the mute", lambda: "echo muted" in anna.events)
    await anna.until("silence", anna.hears_silence)


@pytest.mark.parametrize("text", ["What time is it?", "Grüße 🎉 " * 4000])
async def test_chat_is_answered_by_transcripts_in_both_names(anna, text):
    await anna.room.local_participant.send_text(text, topic="lk.chat")

    # The SDK reads each stream in a task of its own: which of the two it ends first is chance.
    texts = await anna.until("two transcripts", lambda: len(anna.texts) == 2 and anna.texts)
    theirs, ours = sorted(texts, key=lambda read: read.sender)
    assert (theirs.sender, theirs.text) == ("anna", text)
    assert theirs.attributes["lk.transcription_final"] == "true"
    assert (ours.sender, ours.text) == ("echo", f"You wrote: {text}")
    assert ours.attributes["lk.segment_id"] == "SG_ours"
    assert ours.chunks > 1
    legacy = await anna.until("a legacy transcript", lambda: anna.legacy)
    assert (legacy[0].id, legacy[0].text, legacy[0].final) == ("SG_ours", text, True)


async def test_methods_are_called_both_ways(anna):
    asked = []

    @anna.room.local_participant.register_rpc_method("who-are-you")
    async def who_are_you(call: rtc.RpcInvocationData) -> str:
        asked.append((call.caller_identity, call.payload))
        return "anna"

    assert await anna.call("echo", "x" * 10_000) == "x" * 10_000
    assert await anna.call("call-me", "who-are-you") == "anna"
    assert asked == [("echo", "from echo")]
    with pytest.raises(rtc.RpcError) as unknown:
        await anna.call("nothing")
    assert unknown.value.code == rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD
    with pytest.raises(rtc.RpcError) as refused:
        await anna.call("call-me", "nothing")
    assert refused.value.code == rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD


async def test_who_leaves_is_gone_at_once(anna, echo):
    # The answer and the news of the leaving take different ways.
    with contextlib.suppress(rtc.RpcError):
        await anna.call("leave")

    await anna.until("the agent leaving", lambda: "echo left" in anna.events, seconds=5)
    assert await asyncio.to_thread(echo.wait) == 0


async def test_the_agent_leaves_after_the_person(anna, echo):
    # An agent that has not heard of someone cannot miss them.
    anna.hertz = 440
    await anna.publish()
    await anna.until("the tone back", lambda: anna.share_of(440) > 0.8)

    await anna.room.disconnect()

    line = await asyncio.to_thread(echo.wait_for, "anna left")
    assert line.endswith("ClientInitiated")
    assert await asyncio.to_thread(echo.wait) == 0
