"""A language model whose answers a test writes: OpenAI's streaming chat API."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def words(text: str) -> list[dict]:
    return [{"delta": {"content": word + " "}} for word in text.split()]


def call(name: str, **arguments) -> list[dict]:
    """One call, its arguments in two fragments as OpenAI sends them."""
    text = json.dumps(arguments)
    half = len(text) // 2
    first = {"index": 0, "id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": text[:half]}}
    return [
        {"delta": {"tool_calls": [first]}},
        {"delta": {"tool_calls": [{"index": 0, "function": {"arguments": text[half:]}}]}},
    ]


class Model:
    """`answer` is given the messages of a request and returns the deltas of the reply."""

    def __init__(self, answer, port: int = 0):
        self.answer = answer
        self.requests: list[dict] = []
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                model.requests.append(request)
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                for choice in [*model.answer(request["messages"]), {"delta": {}, "finish_reason": "stop"}]:
                    self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
                self.wfile.write(b"data: [DONE]\n\n")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1"
