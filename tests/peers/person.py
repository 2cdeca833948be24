"""A person in a room, on LiveKit's official Python SDK."""

import asyncio
from dataclasses import dataclass, field

import numpy as np
from livekit import rtc

RATE = 48000
FRAME = 480


@dataclass
class Text:
    topic: str
    sender: str
    text: str = ""
    attributes: dict = field(default_factory=dict)
    chunks: int = 0


class Person:
    def __init__(self):
        self.room = rtc.Room()
        self.texts: list[Text] = []
        self.legacy: list = []
        self.events: list[str] = []
        self.forget_what_was_heard()
        self.hertz = 0.0
        self._tasks: set[asyncio.Task] = set()

    async def join(self, server, room: str, identity: str):
        on = self.room.on
        on("track_subscribed", lambda track, *_: self._spawn(self._listen(track)))
        on("participant_disconnected", lambda who: self.events.append(f"{who.identity} left"))
        on("track_muted", lambda who, _: self.events.append(f"{who.identity} muted"))
        on("track_unmuted", lambda who, _: self.events.append(f"{who.identity} unmuted"))
        on("reconnected", lambda: self.events.append("reconnected"))
        on("transcription_received", lambda segments, *_: self.legacy.extend(segments))
        self.room.register_text_stream_handler(
            "lk.transcription", lambda reader, who: self._spawn(self._read(reader, who))
        )
        await self.room.connect(server.url, server.token(room, identity))

    async def leave(self):
        for task in self._tasks:
            task.cancel()
        await self.room.disconnect()

    async def publish(self):
        """A microphone that gives a tone of `self.hertz`, or silence at 0."""
        self.source = rtc.AudioSource(RATE, 1)
        self.track = rtc.LocalAudioTrack.create_audio_track("microphone", self.source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        publication = await self.room.local_participant.publish_track(self.track, options)
        self._spawn(self._speak())
        return publication

    def agent(self) -> rtc.RemoteParticipant | None:
        return self.room.remote_participants.get("echo")

    async def call(self, method: str, payload: str = "") -> str:
        return await self.room.local_participant.perform_rpc(
            destination_identity="echo", method=method, payload=payload, response_timeout=10
        )

    async def until(self, what: str, check, seconds: float = 30):
        try:
            async with asyncio.timeout(seconds):
                while not (found := check()):
                    await asyncio.sleep(0.02)
                return found
        except TimeoutError:
            raise AssertionError(f"no {what}; {self.events=} {self.texts=}") from None

    def forget_what_was_heard(self):
        self.heard = np.zeros(0, dtype=np.int16)

    def share_of(self, hertz: float) -> float:
        """How much of the last 200 ms heard is at this frequency, 0 to 1."""
        samples = self.heard[-RATE // 5 :].astype(float)
        energy = (samples**2).sum()
        if len(samples) < RATE // 5 or energy < 1e6:
            return 0.0
        turns = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / RATE)
        return float(2 * abs((samples * turns).sum()) ** 2 / (len(samples) * energy))

    def hears_silence(self) -> bool:
        samples = self.heard[-RATE // 5 :].astype(float)
        return len(samples) == RATE // 5 and float(np.sqrt((samples**2).mean())) < 30

    def _spawn(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _listen(self, track):
        async for event in rtc.AudioStream(track, sample_rate=RATE, num_channels=1):
            new = np.frombuffer(event.frame.data, dtype=np.int16)
            self.heard = np.concatenate([self.heard, new])[-RATE:]

    async def _speak(self):
        at = 0
        while True:
            times = (np.arange(FRAME) + at) / RATE
            wave = 8000 * np.sin(2 * np.pi * self.hertz * times)
            frame = rtc.AudioFrame(wave.astype(np.int16).tobytes(), RATE, 1, FRAME)
            await self.source.capture_frame(frame)
            at += FRAME

    async def _read(self, reader, who):
        text = Text(reader.info.topic, who)
        async for chunk in reader:
            text.text += chunk
            text.chunks += 1
        text.attributes = dict(reader.info.attributes)
        self.texts.append(text)
