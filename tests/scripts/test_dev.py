"""`./dev clean` removes what `./dev` made, and nothing else."""

import os
import shutil
import subprocess

import pytest


@pytest.fixture
def made(checkout):
    """A cache, and build results in the checkout."""
    folders = [checkout.cache, checkout.path / "target"]
    for folder in folders:
        (folder / "parts/some/bin").mkdir(parents=True)
        (folder / "parts/some/file").write_text("x")
    return folders


def test_clean_removes_cache_and_build(checkout, made):
    done = checkout.run("dev", "clean", "--yes")

    assert all(str(folder) in done.stdout and not folder.exists() for folder in made)
    assert checkout.run("dev", "clean", "--yes").stdout == "Nothing to remove.\n"


def test_clean_asks_first(checkout, made):
    done = checkout.run("dev", "clean", succeeds=False)

    assert all(str(folder) in done.stdout and folder.exists() for folder in made)


def test_clean_leaves_a_target_folder_that_others_may_share(checkout, made):
    shared = checkout.home / "target"
    shared.mkdir()

    done = checkout.run("dev", "clean", "--yes", CARGO_TARGET_DIR=str(shared))

    assert shared.exists()
    assert f"Nor: {shared} " in done.stdout


@pytest.mark.parametrize("interpreted", [False, True])
def test_clean_refuses_while_a_program_of_the_cache_runs(checkout, made, interpreted):
    program = checkout.cache / "parts/some/bin/sleeper"
    if interpreted:
        # As Python in a virtual environment: called by its path there, but it lies elsewhere.
        running = subprocess.Popen([program, "60"], executable=shutil.which("sleep"))
    else:
        shutil.copy(os.path.realpath(shutil.which("sleep")), program)
        running = subprocess.Popen([program, "60"])
    try:
        said = checkout.run("dev", "clean", "--yes", succeeds=False).stderr
    finally:
        running.kill()
        running.wait()

    assert str(checkout.cache) in said and "jex stop" in said
    assert all(folder.exists() for folder in made)


def test_it_finds_itself_from_anywhere(checkout):
    done = subprocess.run(
        ["bash", "-c", "'a checkout/dev' help"],
        env=checkout.env | {"CDPATH": "/usr:."},
        cwd=checkout.path.parent,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.startswith("./dev up") and done.stderr == ""
