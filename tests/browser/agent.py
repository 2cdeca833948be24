"""Joins a room as an agent and does what each line of standard input says; tells what it sees, a line of JSON each."""

import asyncio
import json
import math
import sys
import uuid

from livekit import rtc

RATE = 48_000
FRAME = RATE // 100


def tell(**seen):
    print(json.dumps(seen), flush=True)


class Agent:
    def __init__(self):
        self.room = rtc.Room()
        self.voice = rtc.AudioSource(RATE, 1)
        self.open_streams = {}
        # Takes no answers to questions.
        self.deaf = False
        # What is numbered anew by each agent is kept apart by this, as our own agent does.
        self.session = uuid.uuid4().hex

    async def join(self, url, token):
        self.room.register_text_stream_handler("lk.chat", self.chat)
        await self.room.connect(url, token)
        local = self.room.local_participant
        local.register_rpc_method("jex.interrupt", self.interrupt)
        local.register_rpc_method("jex.answer", self.take_answer)
        track = rtc.LocalAudioTrack.create_audio_track("voice", self.voice)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await local.publish_track(track, options)
        self.room.on(
            "track_published", lambda publication, participant: tell(saw="track", kind=int(publication.source))
        )
        self.room.on("track_muted", lambda participant, publication: tell(saw="muted"))
        self.room.on("track_unmuted", lambda participant, publication: tell(saw="unmuted"))
        self.room.on("participant_disconnected", lambda participant: tell(saw="left", identity=participant.identity))
        tell(saw="joined")
        for participant in self.room.remote_participants.values():
            for publication in participant.track_publications.values():
                tell(saw="track", kind=int(publication.source))

    async def interrupt(self, invocation):
        tell(saw="interrupt")
        return "{}"

    async def take_answer(self, invocation):
        tell(saw="answer", answer=json.loads(invocation.payload), identity=invocation.caller_identity)
        if self.deaf:
            raise rtc.RpcError(1404, "there is no such question")
        return "{}"

    def chat(self, reader, identity):
        async def read():
            tell(saw="chat", text=await reader.read_all(), identity=identity)

        asyncio.create_task(read())

    async def follow(self, command):
        local = self.room.local_participant
        match command["do"]:
            case "attributes":
                await local.set_attributes(command["values"])
            case "heard":
                caller = next(iter(self.room.remote_participants))
                final = "true" if command["final"] else "false"
                writer = await local.stream_text(
                    topic="lk.transcription",
                    sender_identity=caller,
                    attributes={"lk.segment_id": self.segment(command), "lk.transcription_final": final},
                )
                await writer.write(command["text"])
                await writer.aclose()
            case "say":
                await self.say(command)
            case "end":
                writer = self.open_streams.pop(command["segment"])
                await writer.aclose(attributes={"lk.transcription_final": "true", "jex.interrupted": "true"})
            case "turn":
                turn = command["turn"] | {"answer_id": self.answer(command["turn"]["answer_id"])}
                await local.send_text(json.dumps(turn), topic="jex.turn")
            case "tone":
                asyncio.create_task(self.tone(command["seconds"]))
            case "deaf":
                self.deaf = command["deaf"]
            case "leave":
                await self.room.disconnect()

    async def say(self, command):
        writer = await self.room.local_participant.stream_text(
            topic="lk.transcription",
            attributes={
                "lk.segment_id": self.segment(command),
                "lk.transcription_final": "false",
                "jex.answer_id": self.answer(command["answer"]),
            },
        )
        for word in command["words"]:
            await writer.write(word)
            await asyncio.sleep(0.04)
        if command.get("open"):
            self.open_streams[command["segment"]] = writer
        else:
            await writer.aclose(attributes={"lk.transcription_final": "true"})

    def segment(self, command):
        return f"SG_{self.session}_{command['segment']}"

    def answer(self, number):
        return f"{self.session}_{number}"

    async def tone(self, seconds):
        """A voice-like tone: 220 Hz that swells three times a second."""
        for start in range(0, int(seconds * RATE), FRAME):
            samples = bytearray()
            for index in range(start, start + FRAME):
                swell = 0.5 + 0.5 * math.sin(2 * math.pi * 3 * index / RATE)
                value = int(12_000 * swell * math.sin(2 * math.pi * 220 * index / RATE))
                samples += value.to_bytes(2, "little", signed=True)
            await self.voice.capture_frame(rtc.AudioFrame(bytes(samples), RATE, 1, FRAME))


async def main():
    agent = Agent()
    await agent.join(*sys.argv[1:3])
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        await agent.follow(json.loads(line))
    await agent.room.disconnect()


asyncio.run(main())
