"""What a machine lacks is named, with the remedy, before anything is made."""


def complaints(checkout, *arguments: str) -> list[str]:
    said = checkout.run("parts/check", *arguments, succeeds=False).stderr
    return [line.strip() for line in said.splitlines()[2:]]


def test_a_machine_that_has_all_is_told_nothing(checkout):
    done = checkout.run("parts/check", "--for-tests")

    assert (done.stdout, done.stderr) == ("", "")


def test_everything_that_is_missing_is_named_at_once(checkout):
    checkout.without("cargo", "go", "npm", "python3")

    rust, go, node, python = complaints(checkout)

    assert rust.startswith("rust: not found") and "https://rustup.rs" in rust
    assert go.startswith("go: not found") and "https://go.dev/doc/install" in go
    assert node.startswith("node: not found") and "https://nodejs.org/en/download" in node
    assert python.startswith("python: not found") and "apt-get install python3" in python


def test_what_is_too_old_is_named_with_its_version(checkout):
    checkout.program("rustc", "echo 'rustc 1.85.1 (0000000 2025-01-01)'")

    [rust] = complaints(checkout)

    assert rust.startswith("rust: 1.85.1 found, 1.94 or newer needed.") and "rustup update stable" in rust


def test_a_python_without_wheels_is_named_with_its_version(checkout):
    for version in ("3.10.12", "3.14.0"):
        checkout.program("python3", f"case $2 in *platform*) echo {version} ;; *) exit 1 ;; esac")

        [python] = complaints(checkout)

        assert python.startswith(f"python: {version} found, 3.11 or newer, older than 3.14, needed.")
        assert "uv python install 3.13" in python


def test_go_is_not_needed_where_nothing_is_compiled_with_it(checkout):
    checkout.without("go")
    checkout.program("livekit-server", "true")
    checkout.program("ollama", "true")

    checkout.run("parts/check")


def test_lints_are_needed_for_tests_only(checkout):
    checkout.program("cargo", "exit 101")

    checkout.run("parts/check")
    clippy, rustfmt = complaints(checkout, "--for-tests")

    assert "rustup component add clippy" in clippy
    assert "rustup component add rustfmt" in rustfmt


def test_a_full_disk_is_named_with_what_is_to_lie_there(checkout):
    checkout.program("df", "case $1 in *target*) echo Mounted; echo /data ;; *) echo Avail; echo 900 ;; esac")

    [disk] = complaints(checkout)

    assert disk.startswith("disk: 900 MB free on /data, ")
    for place in (checkout.cache / "parts", checkout.home, checkout.path / "target"):
        assert str(place) in disk
    assert "./dev clean" in disk


def test_what_is_made_already_takes_no_disk(checkout):
    checkout.program("df", "case $1 in *target*) echo Mounted; echo /data ;; *) echo Avail; echo 900 ;; esac")
    for part in ("livekit", "ollama", "speech", "model", "modules", "n8n"):
        (checkout.path / "parts" / part / "get").write_text("#!/usr/bin/env bash\n")
    # Cargo makes the folder of the examples whatever it builds.
    (checkout.path / "target/release/examples").mkdir(parents=True)
    (checkout.path / "target/release/jex").touch()

    checkout.run("parts/check")
    [disk] = complaints(checkout, "--for-tests")

    assert "2250 MB needed there" in disk
