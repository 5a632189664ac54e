"""Where Leadloop's messages to people arrive: an address of Apprise's `json://` on loopback."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NOTICES = "Leadloop: "
"""How the title of a message about handoffs begins (`sync.notices`)."""
REPORTS = "/reports"


@dataclass(slots=True)
class Mailbox:
    """What has arrived: path, title and text of each message."""

    port: int
    messages: list[tuple[str, str, str]] = field(default_factory=list)

    def address(self, path: str = "/") -> str:
        """What stands in config.yaml."""
        return f"json://127.0.0.1:{self.port}{path}"

    def counts(self) -> dict[str, int]:
        """Notices about handoffs, monthly reports, and messages that are neither: alerts."""
        told = Counter(notices=0, reports=0, alerts=0)
        for path, title, text in self.messages:
            if path == REPORTS:
                told["reports"] += 1
            elif title.startswith(NOTICES):
                told["notices"] += len(text.splitlines())
            else:
                told["alerts"] += 1
        return dict(told)


@contextmanager
def open_mailbox() -> Iterator[Mailbox]:
    """A mailbox for as long as the block lasts."""

    class Take(BaseHTTPRequestHandler):
        """Keeps every message, says nothing about it."""

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            told = json.loads(self.rfile.read(length))
            box.messages.append((self.path, told["title"], told["message"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    box = Mailbox(server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield box
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
