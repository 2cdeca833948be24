"""A caller on the official LiveKit SDK, as any other front end would be."""

import asyncio
import json
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import numpy as np
from livekit import rtc

from speech import resample

RATE = 48000
FRAME = 480


@dataclass
class Segment:
    """One transcription segment: its newest text."""

    sender: str
    text: str = ""
    final: bool = False
    attributes: dict = field(default_factory=dict)


class Caller:
    def __init__(self):
        self.room = rtc.Room()
        self.audio: list[np.ndarray] = []
        self.segments: dict[str, Segment] = {}
        self.turns: list[dict] = []
        self.states: list[tuple[float, str]] = []
        self.reconnected = asyncio.Event()
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task] = set()
        self._queue: asyncio.Queue[np.ndarray] = asyncio.Queue()

    @property
    def identity(self) -> str:
        return self.room.local_participant.identity

    def agents(self) -> list[rtc.RemoteParticipant]:
        kind = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        return [p for p in self.room.remote_participants.values() if p.kind == kind]

    def state(self) -> str | None:
        agents = self.agents()
        return agents[0].attributes.get("lk.agent.state") if agents else None

    def attribute(self, name: str) -> str:
        agents = self.agents()
        return agents[0].attributes.get(name, "") if agents else ""

    def answers(self) -> list[Segment]:
        return [s for s in self.segments.values() if s.sender != self.identity]

    def was_told(self, word: str) -> bool:
        return any(word in segment.text.lower() for segment in self.answers())

    def heard(self) -> list[Segment]:
        return [s for s in self.segments.values() if s.sender == self.identity]

    async def connect(self, token: dict, microphone: bool = True):
        room = self.room
        room.on("track_subscribed", lambda track, *_: self._spawn(self._listen(track)))
        room.on("participant_attributes_changed", lambda *_: self._note_state())
        room.on("participant_connected", lambda *_: self._note_state())
        room.on("participant_disconnected", lambda *_: self._note_state())
        room.on("reconnected", lambda *_: self.reconnected.set())
        room.register_text_stream_handler("lk.transcription", lambda r, who: self._spawn(self._transcript(r, who)))
        room.register_text_stream_handler("jex.turn", lambda r, who: self._spawn(self._turn(r)))
        await room.connect(token["server_url"], token["participant_token"])
        if microphone:
            self.source = rtc.AudioSource(RATE, 1)
            track = rtc.LocalAudioTrack.create_audio_track("microphone", self.source)
            options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
            await room.local_participant.publish_track(track, options)
            self._spawn(self._speak())
        self._note_state()

    def say(self, samples: np.ndarray, rate: int):
        self._queue.put_nowait(resample(samples, rate, RATE))

    async def type(self, text: str):
        await self.room.local_participant.send_text(text, topic="lk.chat")

    async def until(self, condition, seconds: float, what: str):
        """Waits for the room to say so."""
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f"{what}: not within {seconds} s; states {self.states}, segments {self.segments}"
            async with self._changed:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), min(left, 0.5))

    async def greeted(self, seconds: float = 30):
        await self.until(lambda: any(t["turn_id"] is None for t in self.turns), seconds, "the greeting")
        await self.until(lambda: self.state() == "listening", 10, "listening after the greeting")

    async def answered(self, count: int, seconds: float = 60) -> dict:
        """The `count`th answered turn, counted from 1."""

        def asked():
            return [t for t in self.turns if t["turn_id"] is not None]

        await self.until(lambda: len(asked()) >= count, seconds, f"answer {count}")
        return asked()[count - 1]

    async def leave(self):
        await self.room.disconnect()
        for task in self._tasks:
            task.cancel()

    def _spawn(self, work):
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _notify(self):
        async with self._changed:
            self._changed.notify_all()

    def _note_state(self):
        state = self.state()
        if state and (not self.states or self.states[-1][1] != state):
            self.states.append((time.monotonic(), state))
        self._spawn(self._notify())

    async def _speak(self):
        silence = np.zeros(FRAME, np.int16)
        while True:
            samples = self._queue.get_nowait() if not self._queue.empty() else silence
            for start in range(0, len(samples) - FRAME + 1, FRAME):
                chunk = samples[start : start + FRAME].astype(np.int16).tobytes()
                await self.source.capture_frame(rtc.AudioFrame(chunk, RATE, 1, FRAME))

    async def _listen(self, track):
        if track.kind != rtc.TrackKind.KIND_AUDIO:
            return
        async for event in rtc.AudioStream(track, sample_rate=RATE, num_channels=1):
            self.audio.append(np.frombuffer(event.frame.data, np.int16).copy())

    async def _transcript(self, reader, sender: str):
        attributes = dict(reader.info.attributes)
        key = attributes["lk.segment_id"]
        segment = Segment(sender, attributes=attributes)
        self.segments[key] = segment
        async for chunk in reader:
            segment.text += chunk
            await self._notify()
        trailer = dict(reader.info.attributes)
        segment.attributes = trailer
        segment.final = trailer.get("lk.transcription_final") == "true"
        await self._notify()

    async def _turn(self, reader):
        turn = json.loads(await reader.read_all())
        # A report on its way when LiveKit restarts is sent again.
        if all(known["answer_id"] != turn["answer_id"] for known in self.turns):
            self.turns.append(turn)
        await self._notify()


@asynccontextmanager
async def calling(stack, microphone: bool = True):
    caller = Caller()
    await caller.connect(stack.token(), microphone)
    try:
        yield caller
    finally:
        await caller.leave()
