"""An MCP server of the official SDK: tools to try a client on.

server.py             speaks by stdin and stdout
server.py PORT        streamable HTTP on loopback
"""

import asyncio
import base64
import os
import sys

from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

server = MCPServer("tries")


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
def variable(name: str) -> str:
    """What a variable of the environment holds."""
    return os.environ.get(name, "")


@server.tool()
def break_down() -> str:
    """Fails."""
    raise ToolError("the cellar is flooded")


@server.tool()
async def slow(seconds: float, context: Context) -> str:
    """Takes a while and says how far it is."""
    await context.report_progress(1, 2, "half of it")
    await asyncio.sleep(seconds)
    return "done"


@server.tool()
def leave() -> str:
    """Ends the server in the middle."""
    os._exit(3)


@server.tool()
def large() -> str:
    """Says more than anyone wants to hear."""
    return "x" * (4 << 20)


@server.tool()
def picture() -> Image:
    """A picture."""
    dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    return Image(data=base64.b64decode(dot), format="png")


@server.tool(name="files.read", annotations=ToolAnnotations(read_only_hint=True))
def read(path: str) -> str:
    """Reads a file."""
    try:
        with open(path) as file:
            return file.read()
    except OSError as error:
        # Of any other the client is told nothing but that there was one.
        raise ToolError(str(error)) from error


if len(sys.argv) > 1:
    server.run("streamable-http", port=int(sys.argv[1]))
else:
    server.run("stdio")
