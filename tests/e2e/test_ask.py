"""`jex ask`: the owner's own caller."""

import numpy as np

from speech import QUESTION, answer_error_rate, read_wav, words, write_wav


def test_a_typed_question_is_answered(stack):
    answer = stack.ask(QUESTION)

    assert "Paris" in answer["answer"], answer
    assert answer["stages_ms"]["final_to_first_token"] > 0, answer


def test_a_spoken_question_is_heard_answered_and_spoken(stack, speech, tmp_path):
    question = speech.say_to(tmp_path / "question.wav", QUESTION)
    out = tmp_path / "answer.wav"

    answer = stack.ask("--audio", str(question), "--out", str(out))

    assert words(answer["heard"]) == words(QUESTION)
    assert "Paris" in answer["answer"], answer
    spoken = speech.transcribe(*read_wav(out))
    assert answer_error_rate(answer["answer"], spoken) <= 0.15, (answer["answer"], spoken)


def test_silence_is_no_question(stack, tmp_path):
    silence = tmp_path / "silence.wav"
    write_wav(silence, np.zeros(16000 * 2, np.int16), 16000)

    done = stack.run("ask", "--audio", str(silence), "--timeout", "12", check=False)

    assert done.returncode != 0
    assert "no speech" in done.stderr.lower(), done.stderr


def test_a_missing_file_is_named(stack):
    done = stack.run("ask", "--audio", "/nowhere/question.wav", check=False)

    assert done.returncode != 0
    assert "/nowhere/question.wav" in done.stderr
