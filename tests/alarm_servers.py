"""A mail server and a web server for the tests, in threads, that fail as they are told."""

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: How long a server keeps silent that lets a sender wait.
SILENCE_S = 1.5


@contextmanager
def _served(server) -> Iterator[None]:
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class MailServer(socketserver.ThreadingTCPServer):
    """Take mails into ``mails`` as (receiver, text).

    ``fail`` is empty, ``greeting`` (refuses at once), ``login``, ``hang up`` (in the midst of the message), ``silent``
    (takes the message and says nothing), or a receiver that is refused.
    """

    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _MailHandler)
        self.mails, self.fail, self.logins = [], "", []

    @property
    def port(self):
        return self.server_address[1]


class _MailHandler(socketserver.StreamRequestHandler):
    def handle(self):
        fail = self.server.fail
        if fail == "greeting":
            return self.say("554 no mail today")
        self.say("220 here")
        to = ""
        while line := self.rfile.readline().decode().strip():
            word = line.upper()
            if word.startswith("EHLO"):
                self.say("250-here\r\n250 AUTH PLAIN")
            elif word.startswith("AUTH"):
                self.server.logins.append(line)
                self.say("535 no" if fail == "login" else "235 ok")
            elif word.startswith("RCPT"):
                to = line.partition("<")[2].rstrip(">")
                self.say("550 nobody of this name" if to == fail else "250 ok")
            elif word == "DATA":
                self.say("354 go on")
                if fail == "hang up":
                    self.rfile.readline()
                    return None
                text = b""
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    text += part[1:] if part.startswith(b"..") else part
                self.server.mails.append((to, text.decode()))
                if fail == "silent":
                    time.sleep(SILENCE_S)
                    return None
                self.say("250 taken")
            elif word == "QUIT":
                return self.say("221 bye")
            else:
                self.say("250 ok")
        return None

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


class WebServer(ThreadingHTTPServer):
    """Take posts into ``posts`` as (headers, body); ``fail`` is empty, a status, ``hang up`` or ``silent``."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _WebHandler)
        self.posts, self.fail = [], ""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/hook?desk=1"


class _WebHandler(BaseHTTPRequestHandler):
    def do_POST(self):
        fail = self.server.fail
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if fail == "hang up":
            self.close_connection = True
            return
        if fail == "silent":
            time.sleep(SILENCE_S)
            return
        if not fail:
            self.server.posts.append((dict(self.headers), body.decode()))
        self.send_response(int(fail or 204))
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Serve mails until the block ends."""
    server = MailServer()
    with _served(server):
        yield server


@contextmanager
def web_server() -> Iterator[WebServer]:
    """Serve posts until the block ends."""
    server = WebServer()
    with _served(server):
        yield server
