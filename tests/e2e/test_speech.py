"""The packaged voice and the packaged recogniser understand each other."""

import numpy as np
import pytest

from speech import word_error_rate


@pytest.mark.parametrize(
    "sentence",
    [
        # "France is" and "Francis" sound alike.
        "The capital of France is Paris.",
        "Hello, this is JEX. How can I help?",
        "I am sorry, I did not understand that.",
    ],
)
def test_what_piper_says_whisper_hears(speech, sentence):
    for _ in range(5):
        samples, rate = speech.say(sentence)
        silence = np.zeros(rate // 2, np.int16)
        heard = speech.transcribe(np.concatenate([silence, samples, silence]), rate)
        assert word_error_rate(sentence, heard) <= 0.15, heard
