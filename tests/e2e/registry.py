"""A model registry on this machine that offers one model: the packaged one, under other bytes."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TEMPLATE = b"{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
BLOBS = "/v2/library/small/blobs/"
CONFIG = json.dumps(
    {
        "model_format": "gguf",
        "model_family": "llama",
        "model_families": ["llama"],
        "model_type": "135M",
        "file_type": "Q4_1",
    }
).encode()


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Registry:
    def __init__(self, gguf: Path):
        # Ollama tells models apart by their bytes.
        weights = gguf.read_bytes() + bytes(64)
        self.blobs = {digest(content): content for content in (weights, CONFIG, TEMPLATE)}
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "config": layer("application/vnd.docker.container.image.v1+json", CONFIG),
                "layers": [
                    layer("application/vnd.ollama.image.model", weights),
                    layer("application/vnd.ollama.image.template", TEMPLATE),
                ],
            }
        ).encode()

    def __enter__(self):
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self):
                self.answer(body=False)

            def do_GET(self):
                self.answer(body=True)

            def answer(self, body: bool):
                if body and self.path.startswith(BLOBS):
                    # As real registries do: the bytes are on another host.
                    self.send_response(307)
                    self.send_header("Location", f"http://localhost:{registry.port}/elsewhere/{Path(self.path).name}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                content = registry.content(self.path)
                if content is None:
                    self.send_error(404)
                    return
                wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
                if wanted:
                    start, last = int(wanted[1]), int(wanted[2] or len(content) - 1)
                    content = content[start : last + 1]
                self.send_response(206 if wanted else 200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if body:
                    self.wfile.write(content)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def model(self) -> str:
        return f"http://127.0.0.1:{self.port}/library/small"

    def content(self, path: str) -> bytes | None:
        if path == "/v2/library/small/manifests/latest":
            return self.manifest
        return self.blobs.get(Path(path).name)


def layer(media_type: str, content: bytes) -> dict:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}
