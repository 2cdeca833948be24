"""Speaks and transcribes with the stack's own Piper and Whisper, and compares words."""

import asyncio
import re
import wave
from pathlib import Path

import numpy as np
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.tts import Synthesize

PIPER = "tcp://127.0.0.1:10200"
WHISPER = "tcp://127.0.0.1:10300"

# "The capital of France" comes back as "of friends" where Chromium's fake microphone drops a few milliseconds.
QUESTION = "What is the capital city of France?"


class Speech:
    def __init__(self, _stack):
        pass

    def say(self, text: str) -> tuple[np.ndarray, int]:
        """Mono 16-bit samples and their rate."""
        return asyncio.run(_say(text))

    def say_to(self, path: Path, text: str, lead_seconds: float = 0.5) -> Path:
        samples, rate = self.say(text)
        lead = np.zeros(int(rate * lead_seconds), np.int16)
        write_wav(path, np.concatenate([lead, samples, lead]), rate)
        return path

    def transcribe(self, samples: np.ndarray, rate: int) -> str:
        return asyncio.run(_transcribe(samples, rate))


async def _say(text: str) -> tuple[np.ndarray, int]:
    async with AsyncClient.from_uri(PIPER) as client:
        await client.write_event(Synthesize(text=text).event())
        rate, audio = 0, bytearray()
        while True:
            event = await client.read_event()
            assert event is not None, "Piper closed the connection"
            if AudioStart.is_type(event.type):
                rate = AudioStart.from_event(event).rate
            elif AudioChunk.is_type(event.type):
                audio += AudioChunk.from_event(event).audio
            elif AudioStop.is_type(event.type):
                return np.frombuffer(bytes(audio), np.int16), rate


async def _transcribe(samples: np.ndarray, rate: int) -> str:
    samples = resample(samples, rate, 16000)
    async with AsyncClient.from_uri(WHISPER) as client:
        await client.write_event(Transcribe(language="en").event())
        await client.write_event(AudioStart(rate=16000, width=2, channels=1).event())
        for start in range(0, len(samples), 1600):
            chunk = samples[start : start + 1600].tobytes()
            await client.write_event(AudioChunk(rate=16000, width=2, channels=1, audio=chunk).event())
        await client.write_event(AudioStop().event())
        while True:
            event = await client.read_event()
            assert event is not None, "Whisper closed the connection"
            if Transcript.is_type(event.type):
                return Transcript.from_event(event).text


def resample(samples: np.ndarray, rate: int, to_rate: int) -> np.ndarray:
    if rate == to_rate:
        return samples
    # Windowed-sinc low pass before decimation; linear interpolation alone would alias.
    signal = samples.astype(np.float64)
    if to_rate < rate:
        taps = np.arange(-64, 65)
        cutoff = 0.9 * to_rate / rate
        kernel = cutoff * np.sinc(cutoff * taps) * np.hamming(len(taps))
        signal = np.convolve(signal, kernel, mode="same")
    length = int(len(signal) * to_rate / rate)
    at = np.arange(length) * rate / to_rate
    return np.interp(at, np.arange(len(signal)), signal).astype(np.int16)


def read_wav(path: Path) -> tuple[np.ndarray, int]:
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return samples[:: file.getnchannels()], file.getframerate()


def write_wav(path: Path, samples: np.ndarray, rate: int):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype(np.int16).tobytes())


def words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower().replace("’", "'"))


def word_error_rate(expected: str, actual: str) -> float:
    want, got = words(expected), words(actual)
    row = list(range(len(got) + 1))
    for i, word in enumerate(want, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (word != other))
    return row[-1] / max(len(want), 1)


def answer_error_rate(answer: str, heard: str) -> float:
    """Word errors in an answer to QUESTION."""

    # No ear tells these two apart, and in a sentence as short as that Whisper takes the one for the other.
    def as_it_sounds(text: str) -> str:
        return text.replace("Francis ", "France is ")

    return word_error_rate(as_it_sounds(answer), as_it_sounds(heard))


def loud(samples: np.ndarray, threshold: int = 300) -> np.ndarray:
    """Whether each 20 ms of 48 kHz audio is audible."""
    frames = samples[: len(samples) // 960 * 960].reshape(-1, 960).astype(np.float64)
    return np.sqrt((frames**2).mean(axis=1)) > threshold
