"""The installer as it is on the medium, with the medium's contents made up and disks that are files."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from terminal import Terminal, run

PROGRAM = Path(__file__).parents[2] / "hosts/installer/program"
TEMPLATE = Path(__file__).parents[2] / "templates/default"
MEBIBYTE = 1 << 20

needs_root = pytest.mark.usefixtures("root")


@pytest.fixture(scope="session")
def root():
    # Whoever is not root is told so by tests/all, before any of this begins.
    assert os.geteuid() == 0, "disks are for root"


def call(file: str, command: str, stdin: str = "", **env: str) -> str:
    """What a function of the installer prints."""
    script = f"set -euo pipefail; shopt -s inherit_errexit; source '{PROGRAM}/{file}'; {command}"
    return run("bash", "-c", script, input=stdin, env=os.environ | {"JEX_LOG": "/dev/null"} | env)


class Disk:
    """A file that the kernel takes for a disk."""

    def __init__(self, file: Path, mebibytes: int):
        with file.open("wb") as image:
            image.truncate(mebibytes * MEBIBYTE)
        self.path = run("losetup", "--find", "--show", "--partscan", str(file)).strip()
        self.name = self.path.removeprefix("/dev/")

    def close(self):
        subprocess.run(["losetup", "--detach", self.path], check=False)


@pytest.fixture(autouse=True)
def only_our_disks(tmp_path, monkeypatch):
    """No other disk of this machine is ever listed: not to be written to, nor looked into for keys."""
    programs = tmp_path / "only-our-disks"
    programs.mkdir()
    listed = tmp_path / "our-disks"
    listed.touch()
    lsblk = programs / "lsblk"
    lsblk.write_text(f"""#!/usr/bin/env bash
mapfile -t disks <'{listed}'
if ((${{#disks[@]}})); then exec {shutil.which("lsblk")} "$@" "${{disks[@]}}"; fi
echo '{{"blockdevices": []}}'
""")
    lsblk.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return listed


@pytest.fixture
def disks(tmp_path, only_our_disks):
    made = []

    def make(name: str, mebibytes: int) -> Disk:
        made.append(Disk(tmp_path / name, mebibytes))
        with only_our_disks.open("a") as listed:
            listed.write(f"{made[-1].path}\n")
        return made[-1]

    yield make
    for disk in made:
        disk.close()


@pytest.fixture
def make_key(tmp_path):
    """Makes a key pair; the public key."""

    def make(name: str = "id_ed25519", *arguments: str) -> str:
        file = tmp_path / name
        run("ssh-keygen", "-q", "-N", "", "-C", f"{name}@laptop", "-f", str(file), *(arguments or ("-t", "ed25519")))
        return file.with_suffix(".pub").read_text().strip()

    return make


class Machine:
    """One that was started from the medium: what is on it, and the terminal."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.target = folder / "target"
        self.log = folder / "jex-install.log"
        self.programs = folder / "programs"
        self.medium = folder / "medium"
        self.sys = folder / "sys"
        for made in (self.target, self.programs, self.medium, self.sys / "firmware/efi", folder / "source"):
            made.mkdir(parents=True)
        (folder / "source/flake.nix").write_text("{ }\n")
        (folder / "size").write_text("3000000000\n")
        self.layout('mkfs.ext4 -q "$disk"')
        self.program("nixos-install", f'echo "$@" >>"{folder}/nixos-install.txt"; echo installation finished')
        self._terminals: list[Terminal] = []
        self.env = os.environ | {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "JEX_MEDIUM": str(self.medium),
            "JEX_TARGET": str(self.target),
            "JEX_LOG": str(self.log),
            "JEX_SYS": str(self.sys),
            "JEX_DISK_TYPES": "loop",
            # Nobody listens there.
            "JEX_CACHE": "http://127.0.0.1:9/",
        }
        layouts = {name: str(self.programs / "layout") for name in ("none", "passphrase", "tpm2")}
        self.says = {
            "version": "26.05",
            "label": "JEX_INSTALLER",
            "hostName": "jex.local",
            "owner": "owner",
            "tiers": {
                "jex-airgap": {
                    "title": "Everything here, and never any Internet",
                    "memoryGiB": 1,
                    "diskGiB": 0.05,
                    "downloadGiB": 0,
                    "time": "ten minutes",
                    "systems": {name: f"/nix/store/carried-{name}" for name in layouts},
                    "sizes": {name: str(folder / "size") for name in layouts},
                },
                "jex-cpu": {
                    "title": "Everything here, on the processor",
                    "memoryGiB": 1,
                    "diskGiB": 0.05,
                    "downloadGiB": 6,
                    "time": "one hour",
                },
            },
            "layouts": layouts,
            "template": str(TEMPLATE),
            "source": str(folder / "source"),
            "inputs": [],
        }

    def program(self, name: str, script: str):
        file = self.programs / name
        file.write_text(f"#!/usr/bin/env bash\nset -euo pipefail\n{script}\n")
        file.chmod(0o755)

    def layout(self, make: str):
        """What a disk layout does: it makes file systems on the disk and mounts them."""
        self.program(
            "layout",
            f"""[[ $1 == --yes-wipe-all-disks ]]
disk=$(realpath /dev/jex-target)
cp /run/jex-disk-passphrase "{self.folder}/passphrase" 2>/dev/null || true
{make}
mount "$disk" "{self.target}"
""",
        )

    def start(self) -> Terminal:
        (self.medium / "medium.json").write_text(json.dumps(self.says))
        self._terminals.append(Terminal(["bash", str(PROGRAM / "jex-install")], self.env))
        return self._terminals[-1]

    def installed(self, disk: Disk) -> Path:
        """What is on the disk afterwards."""
        run("mount", disk.path, str(self.target))
        return self.target

    def close(self):
        for terminal in self._terminals:
            terminal.close()
        subprocess.run(["umount", "--quiet", str(self.target)], check=False)


@pytest.fixture
def machine(tmp_path, only_our_disks):
    made = Machine(tmp_path / "machine")
    yield made
    made.close()
