"""wyoming-faster-whisper, as a conversation needs it.

What was said does not end up in its log. And it decides at once: by default an utterance that Whisper is unsure of (a
cough, a door) is decoded up to six times over, which takes ten seconds and invents words in the end.
"""

import functools
import logging
import runpy

from faster_whisper import WhisperModel

WhisperModel.transcribe = functools.partialmethod(
    WhisperModel.transcribe, temperature=0.0, condition_on_previous_text=False
)
logging.getLogger("wyoming_faster_whisper.dispatch_handler").setLevel(logging.WARNING)
runpy.run_module("wyoming_faster_whisper", run_name="__main__", alter_sys=True)
