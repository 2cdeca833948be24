"""Control groups of the container's own, below those of this process, so that they can be removed as a whole."""

import contextlib
import os
import secrets
from pathlib import Path

PREFIX = "jex-systemd-tests-"


class ControlGroups:
    def __init__(self):
        # Processes are numbered anew in here: their numbers tell no two runs apart.
        name = PREFIX + secrets.token_hex(4)
        self._folders = [parent / name for parent in ours()]

    def entering(self, command: list[str]) -> list[str]:
        """Makes them; the command that runs another one inside."""
        for folder in self._folders:
            # Those of a run that was killed. Where there are processes still, nothing can be removed.
            for left in folder.parent.glob(f"{PREFIX}*"):
                with contextlib.suppress(OSError):
                    remove(left)
            folder.mkdir()
        enter = "".join(f"echo 0 >{folder}/cgroup.procs && " for folder in self._folders)
        return ["sh", "-c", f'{enter}exec "$@"', "sh", *command]

    def remove(self):
        for folder in self._folders:
            remove(folder)


def ours() -> list[Path]:
    """Where this process is in the hierarchies that systemd keeps; both of them, where the old one is there as well."""
    memberships = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    found = []
    for mount in Path("/proc/self/mounts").read_text().splitlines():
        _, point, kind, options, *_ = mount.split()
        for _, controllers, path in memberships:
            if (kind == "cgroup2" and not controllers) or (controllers == "name=systemd" and controllers in options):
                found.append(Path(point) / path.lstrip("/"))
    return found


def remove(folder: Path):
    for inner, _, _ in os.walk(folder, topdown=False):
        os.rmdir(inner)
