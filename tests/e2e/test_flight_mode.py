"""No interface but loopback: `jex ask` works."""

import json
import subprocess

from speech import QUESTION, answer_error_rate, read_wav, words
from stack import Stack

# What starting and stopping say goes elsewhere: what is left is the answer.
SCRIPT = """
ip link set lo up
{ "$JEX_BIN/jex" up --background && "$JEX_BIN/jex" status --wait 120; } >&2
"$JEX_BIN/jex" ask --json --audio "$1" --out "$2"
asked=$?
"$JEX_BIN/jex" stop >&2
exit $asked
"""


def test_ask_works_with_only_loopback(stack, tmp_path, speech):
    question, out = speech.say_to(tmp_path / "question.wav", QUESTION), tmp_path / "answer.wav"
    home = tmp_path / "home"
    flying = Stack(home)
    # The models that the first stack has imported already are not needed twice.
    (home / "data").rmdir()
    (home / "data").symlink_to(stack.home / "data")
    stack.stop()
    try:
        done = subprocess.run(
            ["unshare", "--net", "bash", "-c", SCRIPT, "flight", question, out],
            env=flying.env,
            capture_output=True,
            text=True,
            timeout=220,
        )
    finally:
        stack.up()

    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert words(answer["heard"]) == words(QUESTION)
    assert "Paris" in answer["answer"], answer
    spoken = speech.transcribe(*read_wav(out))
    assert answer_error_rate(answer["answer"], spoken) <= 0.15, (answer["answer"], spoken)
