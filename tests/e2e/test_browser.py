"""Chromium presses Talk, with a microphone that plays a question spoken by Piper."""

import json
import subprocess
from pathlib import Path

import pytest

from capture import Capture
from speech import QUESTION, read_wav, word_error_rate, words

BROWSER = Path(__file__).parents[1] / "browser"


@pytest.mark.timeout(300)
def test_talk_in_chromium(stack, speech, tmp_path):
    # The fake microphone starts with the page; the greeting comes first.
    question = speech.say_to(tmp_path / "question.wav", QUESTION, lead_seconds=12)
    env = stack.env | {
        "JEX_URL": "http://localhost:3000",
        "JEX_QUESTION_WAV": str(question),
        "JEX_TEST_OUT": str(tmp_path),
    }

    with Capture({"10.99.0.1"}) as capture:
        done = subprocess.run(
            ["node", "--test", str(BROWSER / "talk.mjs")],
            env=env,
            capture_output=True,
            text=True,
            timeout=240,
            cwd=BROWSER,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads((tmp_path / "talk.json").read_text())
    assert words(seen["heard"]) == words(QUESTION), seen
    assert "Paris" in seen["answer"], seen
    spoken = speech.transcribe(*read_wav(tmp_path / "talk.wav"))
    assert word_error_rate(seen["answer"], spoken) <= 0.15, (seen["answer"], spoken)
    assert capture.seen > 100, "the capture saw nothing at all"
    assert capture.outward == []
