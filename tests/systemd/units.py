"""Our units as committed, made to run on a Debian: packages lie in /usr there, our programs and files in /opt/jex."""

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "units" / "jex-cpu"
FILES = FOLDER / "files"


def text(unit: str) -> str:
    return (FOLDER / unit).read_text()


def values(unit: str, key: str) -> list[str]:
    return re.findall(f"^{key}=(.*)$", text(unit), re.MULTILINE)


OURS = sorted(file.name for file in FOLDER.glob("jex-*.*"))
# Those that tell when they are ready, and are watched.
DAEMONS = [unit for unit in OURS if values(unit, "Type") == ["notify"]]
PROGRAMS = sorted({program for unit in OURS for program in re.findall(r"@jex@/bin/([\w-]+)", text(unit))})
# Real peers, with what our modules have to say about them.
PEERS = ["livekit.service", "redis-livekit.service"]


def for_debian(content: str) -> str:
    """Puts paths in the place of `@package@`."""
    return re.sub(r"@([\w.+-]+)@", lambda found: place(found[1]), content)


def place(name: str) -> str:
    if (FILES / name).exists():
        return f"/opt/jex/files/{name}"
    return {"jex": "/opt/jex", "jex-page": "/opt/jex/page"}.get(name, "/usr")


# Where systemd makes directories for a user that exists only while its unit runs.
BASES = {"State": "/var/lib/private", "Cache": "/var/cache/private", "Logs": "/var/log/private", "Runtime": "/run"}


def directories(unit: str, name: str) -> set[str]:
    """Those that a unit of this name would have for its own."""
    return {f"{base}/{name}" for kind, base in BASES.items() if values(unit, f"{kind}Directory")}


def probe(unit: str, name: str, script: str, output: str, user: str = "") -> str:
    """The same unit with the same rights, which runs a script once instead, in directories of its own."""
    replaced = "Type|Restart|RestartSec|RestartSteps|RestartMaxDelaySec|WatchdogSec|ExecStart|NFTSet"
    kept = re.sub(f"^({replaced})=.*\n", "", for_debian(text(unit)), flags=re.MULTILINE)
    moved = re.sub(f"^({'|'.join(BASES)})Directory=.*", rf"\1Directory={name}", kept, flags=re.MULTILINE)
    return moved.replace(
        "[Service]\n",
        f"""[Service]
Type=oneshot
User={user}
StandardOutput=truncate:{output}
ExecStart=/usr/bin/bash -c '{script}'
""",
    )
