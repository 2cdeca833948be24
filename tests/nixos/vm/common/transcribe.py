"""Prints what Whisper of this machine hears in a WAV file (mono, 16 bits)."""

import asyncio
import sys
import wave

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient


async def transcribe(path: str) -> str:
    with wave.open(path) as file:
        form = {"rate": file.getframerate(), "width": file.getsampwidth(), "channels": file.getnchannels()}
        sound = file.readframes(file.getnframes())
    async with AsyncClient.from_uri("tcp://127.0.0.1:10300") as whisper:
        await whisper.write_event(Transcribe(language="en").event())
        await whisper.write_event(AudioStart(**form).event())
        await whisper.write_event(AudioChunk(audio=sound, **form).event())
        await whisper.write_event(AudioStop().event())
        while event := await whisper.read_event():
            if Transcript.is_type(event.type):
                return Transcript.from_event(event).text
    raise ConnectionError("Whisper closed the connection.")


print(asyncio.run(transcribe(sys.argv[1])))
