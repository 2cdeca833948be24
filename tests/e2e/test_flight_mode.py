"""No interface but loopback: `jex ask` works."""

import subprocess

from stack import Stack


def test_ask_works_with_only_loopback(stack, tmp_path, speech):
    question = speech.say_to(tmp_path / "question.wav", "What is the capital of France?")
    home = tmp_path / "home"
    flying = Stack(home)
    # The models that the first stack has imported already are not needed twice.
    (home / "data").rmdir()
    (home / "data").symlink_to(stack.home / "data")
    script = (
        "ip link set lo up && "
        '"$JEX_BIN/jex" up --background && "$JEX_BIN/jex" status --wait 120 && '
        f'"$JEX_BIN/jex" ask --audio {question}; code=$?; "$JEX_BIN/jex" stop; exit $code'
    )
    stack.stop()
    try:
        done = subprocess.run(
            ["unshare", "--net", "bash", "-c", script],
            env=flying.env,
            capture_output=True,
            text=True,
            timeout=220,
        )
    finally:
        stack.up()

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Paris" in done.stdout
