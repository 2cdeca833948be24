"""The database's volume is full: the conversation goes on, and afterwards nothing is lost or twice."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from house import House, lived_in, scripted, visiting, wait_until
from speech import Speech

MIB = 260


@pytest.fixture(scope="module")
def volume():
    if os.geteuid() != 0:
        pytest.skip("mounting a small volume takes root")
    with tempfile.TemporaryDirectory(prefix="jex-volume-") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MIB}m,mode=0755", "jex-test", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(scope="module")
def house(tmp_path_factory, volume):
    running = House(tmp_path_factory.mktemp("home"), scripted().url)
    running.env["JEX_DATABASE__FOLDER"] = str(volume / "postgresql")
    with lived_in(running):
        yield running


@pytest.fixture(scope="module")
def speech(house):
    return Speech(house)


def fill(file: Path):
    with file.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(4096))
        except OSError:
            pass


async def test_talk_goes_on_and_is_written_down_once_there_is_room(house, speech, volume):
    sentences = [f"Sentence number {n}." for n in range(6)]
    async with visiting(house, speech) as guest:
        await guest.types(sentences[0])
        await guest.told("i see")

        fill(volume / "filler")
        for n, sentence in enumerate(sentences[1:], start=2):
            await guest.types(sentence)
            await guest.told("i see", times=n)
        # Whoever reads may be told so; nobody is kept waiting.
        await guest.types("What is on my list?")
        await guest.told("read list:", 60)

        (volume / "filler").unlink()
    house.wait_ready(180)
    wait_until(lambda: all(house.said(sentence) for sentence in sentences), 120, "all of it is in the history")
    assert [house.said(sentence) for sentence in sentences] == [1] * len(sentences)
    assert house.run("audit", "verify").returncode == 0
