"""A part is made once, whole or not at all, and anew when what it is made of changes."""

import os
import shutil
import subprocess

from checkout import kill, wait_until

# It says that it has begun, and waits for leave to finish.
SLOW = """\
    echo made >>"$HOME/makes"
    echo half >"$1/made"
    touch "$HOME/begun"
    until [[ -e $HOME/leave ]]; do sleep 0.02; done
    echo whole >"$1/made"
"""
QUICK = '    echo made >>"$HOME/makes"; echo whole >"$1/made"'


def makes(checkout) -> int:
    return len((checkout.home / "makes").read_text().splitlines())


def test_a_part_is_made_once(checkout):
    checkout.part("fake", QUICK)

    first = checkout.path_of("fake")
    second = checkout.path_of("fake")

    assert first == second and first.read_text() == "whole\n"
    assert makes(checkout) == 1


def test_an_interrupted_part_is_not_there_and_is_made_anew(checkout):
    checkout.part("fake", SLOW)
    interrupted = checkout.start("parts/fake/get")
    wait_until((checkout.home / "begun").exists)

    kill(interrupted)

    checkout.run("parts/fake/get", "--have", succeeds=False)
    (checkout.home / "leave").touch()
    assert checkout.path_of("fake").read_text() == "whole\n"
    assert list(checkout.cache.glob("parts/*.partial-*")) == []


def test_two_runs_at_once_make_it_once(checkout):
    checkout.part("fake", SLOW)
    one = checkout.start("parts/fake/get")
    wait_until((checkout.home / "begun").exists)
    other = checkout.start("parts/fake/get")

    said = other.stderr.readline()
    (checkout.home / "leave").touch()
    lines = [process.communicate()[0] for process in (one, other)]

    assert said == "Another run is getting fake: waiting for it.\n"
    assert lines[0] == lines[1] != ""
    assert makes(checkout) == 1


def test_a_changed_file_makes_another(checkout):
    checkout.part("fake", QUICK)
    before = checkout.path_of("fake")

    (checkout.path / "parts/fake/pins").write_text("1.2.3")

    assert checkout.path_of("fake") != before


def test_a_changed_word_makes_another(checkout):
    checkout.part("fake", QUICK, words='"$(cat "$HOME/cpu")"')
    (checkout.home / "cpu").write_text("avx2")
    before = checkout.path_of("fake")

    (checkout.home / "cpu").write_text("avx2 fma")

    assert checkout.path_of("fake") != before


def test_how_a_virtual_environment_is_made_is_part_of_its_key(checkout):
    checkout.part("plain", QUICK)
    checkout.part("python", QUICK, words='"$(python_identity)"')
    plain, python = checkout.path_of("plain"), checkout.path_of("python")

    checkout.edit("parts/lib.sh", "-m venv --without-pip", "-m venv --without-pip --symlinks")

    assert checkout.path_of("plain") == plain
    assert checkout.path_of("python") != python


def test_a_checkout_elsewhere_uses_the_same_part(checkout):
    checkout.part("fake", QUICK)
    before = checkout.path_of("fake")

    moved = checkout.path.parent / "moved"
    shutil.move(checkout.path, moved)
    checkout.path = moved

    assert checkout.path_of("fake") == before


def test_a_failure_shows_why_through_the_part_that_needed_it(checkout):
    checkout.part("inner", "    echo 'no such package' >&2; false; echo whole >\"$1/made\"")
    checkout.part("outer", '    "$parts_dir/inner/get"; echo whole >"$1/made"')

    failed = checkout.run("parts/get", "outer", succeeds=False)

    assert "Could not get 'outer'" in failed.stderr
    assert "Could not get 'inner'" in failed.stderr
    assert "no such package" in failed.stderr
    assert "Run the same command again" in failed.stderr


def test_the_compiler_gets_a_cache_path_with_a_space_as_one_word(checkout):
    checkout.program(
        "go",
        """case $1 in
        list) echo v0.17.4 ;;
        mod) echo '  "Dir": "/modules/malgo"' ;;
        build) printf '%s' "$CGO_CXXFLAGS" >"$HOME/flags" ;;
        esac""",
    )

    checkout.run("parts/ollama/get")

    # Go takes a quote only at the beginning of a word.
    flags = (checkout.home / "flags").read_text()
    assert flags.endswith(f" '-I{checkout.cache}/parts/headers'"), flags


def test_what_can_wait_is_got_beside_a_process(checkout):
    checkout.part("fake", QUICK)
    checkout.edit("parts/get", "for_later=(n8n)", "for_later=(fake)")
    checkout.edit("parts/get", "for_running=(livekit ollama speech model page workflows)", "for_running=()")
    checkout.edit("parts/get", "for_tests=(peers browser restic)", "for_tests=()")

    checkout.run("parts/get")
    before = (checkout.cache / "parts.toml").read_text()
    checkout.run("parts/get", "--later", str(os.getpid()))

    assert "fake" not in before
    assert 'fake = "' in (checkout.cache / "parts.toml").read_text()


def test_what_can_wait_ends_with_the_process_that_it_is_for(checkout):
    checkout.part("fake", SLOW)
    checkout.edit("parts/get", "for_later=(n8n)", "for_later=(fake)")
    owner = subprocess.Popen(["sleep", "60"])
    getting = checkout.start("parts/get", "--later", str(owner.pid))
    wait_until((checkout.home / "begun").exists)

    owner.kill()
    owner.wait()

    assert getting.wait(10) == 1
    getting.communicate()
    assert list(checkout.cache.glob("parts/fake-*/.whole")) == []
