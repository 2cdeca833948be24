"""A terminal with the installer on it, and someone who reads what it shows and types."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

# What moves the cursor or sets colours. What is left is the text, in the order it was drawn.
CONTROLS = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[()][0-9A-B]|\x1b[=>78MDEHc]|[\x00-\x08\x0b-\x1f]")


def squeezed(text: str) -> str:
    """Without what depends on where lines end and boxes are drawn."""
    return re.sub(r"[^\w/.:*@$'\"!?-]", "", text)


class Terminal:
    def __init__(self, command: list[str], env: dict[str, str]):
        self._screen = b""
        self._read_to = 0
        pid, self._fd = pty.fork()
        if pid == 0:
            os.execvpe(command[0], command, env | {"TERM": "linux"})
        self.pid = pid
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.status: int | None = None

    def _read(self, seconds: float) -> bool:
        if not select.select([self._fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            data = b""
        self._screen += data
        return bool(data)

    def text(self) -> str:
        """What has been shown since the last `expect`, without spaces."""
        return squeezed(CONTROLS.sub(b"", self._screen[self._read_to :]).decode(errors="replace"))

    def all_text(self) -> str:
        """Everything that was ever shown; of what is no box, as it was written."""
        return CONTROLS.sub(b"", self._screen).decode(errors="replace")

    def expect(self, words: str, seconds: float = 20):
        """Waits until the words are shown; what came before them counts as read."""
        deadline = time.monotonic() + seconds
        while squeezed(words) not in self.text():
            more = self._read(0.1)
            assert more or squeezed(words) in self.text(), f"it ended without {words!r}; it showed:\n{self.text()}"
            assert time.monotonic() < deadline, f"{words!r} was not shown; this was:\n{self.text()}"
        # All of the box has to be there before the next one is looked for.
        while select.select([self._fd], [], [], 0.15)[0] and self._read(0):
            pass
        shown = self.text()
        self._read_to = len(self._screen)
        return shown

    def type(self, keys: str):
        os.write(self._fd, keys.encode())

    def choose(self, down: int = 0):
        """The entry of a menu that is so far down."""
        self.type("\x1b[B" * down + "\r")

    def enter(self, text: str):
        self.type(text + "\r")

    def end(self, seconds: float = 20) -> int:
        """Waits until it ends; its exit status."""
        deadline = time.monotonic() + seconds
        while self._read(0.1):
            assert time.monotonic() < deadline, f"it did not end; it showed:\n{self.text()}"
        _, status = os.waitpid(self.pid, 0)
        self.status = os.waitstatus_to_exitcode(status)
        os.close(self._fd)
        return self.status

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self._fd)


def run(*command: str, **options) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr}"
    return done.stdout
