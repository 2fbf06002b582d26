"""Ways in which an alarm is sent: a command, a webhook, a mail, a line in a file.

Each tells three ends apart: it arrived (nothing is raised), it did not (:class:`NotSentError`: to try again is safe),
and nobody knows (:class:`UnknownError`: the connection broke after everything was handed over). What nobody knows is
not sent again, so that nothing arrives twice.
"""

from __future__ import annotations

import json
import os
import re
import select
import shlex
import smtplib
import ssl
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..project.night_specs import MailSpec

#: Seconds that a server or a command has for one answer.
TIMEOUT_S = 30.0
#: Seconds to see whether a mail server hangs up, before the last line is sent.
HANG_UP_S = 0.05
_KEY_HEADER = "Idempotency-Key"


class NotSentError(Exception):
    """Report that an alarm did not arrive."""


class UnknownError(Exception):
    """Report that nobody knows whether an alarm arrived."""


def read_variable(name: str) -> str:
    """Return an environment variable that the configuration names.

    Raises
    ------
    NotSentError
        If it is not set.
    """
    value = os.environ.get(name, "")
    if not value:
        raise NotSentError(f"the environment variable {name} is not set")
    return value


def format_text(body: Mapping[str, Any]) -> str:
    """Write an alarm as plain text: its sentences and the link.

    >>> format_text({"lines": ["13 cases have breached."], "link": "https://desk.example"})
    '13 cases have breached.\\n\\nhttps://desk.example\\n'
    """
    return "\n".join([*body["lines"], *(["", body["link"]] if body["link"] else [])]) + "\n"


def run_command(command: str, body: Mapping[str, Any], key: str, folder: Path, timeout_s: float = TIMEOUT_S) -> None:
    """Run a command of the configuration, without a shell, with the alarm as JSON on its standard input.

    The environment variable ``DESKCAST_ALARM_KEY`` is the key by which it can tell a repetition.
    """
    environment = {**os.environ, "DESKCAST_ALARM_KEY": key}
    text = json.dumps(body, ensure_ascii=False)
    try:
        done = subprocess.run(
            shlex.split(command), input=text, cwd=folder, env=environment, timeout=timeout_s, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise UnknownError(f"the command took longer than {timeout_s:g} s") from None
    except (OSError, ValueError) as error:
        raise NotSentError(f"the command cannot be run: {getattr(error, 'strerror', None) or error}") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing on stderr"])[-1][:160]
        raise NotSentError(f"the command ended with {done.returncode}: {said}")


def post_webhook(
    address: str, body: Mapping[str, Any], key: str, token: str = "", timeout_s: float = TIMEOUT_S
) -> None:
    """Post an alarm as JSON, with its key as ``Idempotency-Key``; redirections are not followed."""
    parts = urlsplit(address)
    try:
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
        connection.connect()
    except (OSError, ValueError, HTTPException) as error:
        raise NotSentError(f"no connection: {_reason(error)}") from None
    headers = {"Content-Type": "application/json", _KEY_HEADER: key, "User-Agent": "deskcast"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    # "text" is what chat services show
    text = json.dumps({"text": f"{body['subject']}\n{format_text(body)}", **body}, ensure_ascii=False)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, text.encode(), headers)
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        raise UnknownError(f"the connection broke: {_reason(error)}") from None
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise NotSentError(f"the server answered {status}")


def send_mail(
    spec: MailSpec, to: str, body: Mapping[str, Any], key: str, report: Path | None = None, timeout_s: float = TIMEOUT_S
) -> None:
    """Send an alarm to one receiver, with the report attached where it is given."""
    message = build_message(spec, to, body, key, report)
    try:
        server = _open_server(spec, timeout_s)
    except (OSError, smtplib.SMTPException) as error:
        raise NotSentError(f"the mail server refused: {_reason(error)}") from None
    try:
        _hand_over(server, spec.sender, to, message)
    finally:
        with suppress(OSError, smtplib.SMTPException):
            server.quit()


def build_message(
    spec: MailSpec, to: str, body: Mapping[str, Any], key: str, report: Path | None = None
) -> EmailMessage:
    """Return the mail of an alarm; its ``Message-ID`` is the same each time, so that a repetition can be told."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = spec.sender, to, " ".join(body["subject"].split())
    message["Message-ID"] = f"<{key}@{spec.sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(format_text(body))
    if report is not None and report.is_file():
        message.add_attachment(report.read_bytes(), maintype="text", subtype="html", filename=report.name)
    return message


def _open_server(spec: MailSpec, timeout_s: float) -> smtplib.SMTP:
    """Connect to the mail server, encrypt where it is asked for, and log in where there is a user."""
    context = ssl.create_default_context()
    if spec.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(spec.server, spec.port, timeout=timeout_s, context=context)
    else:
        server = smtplib.SMTP(spec.server, spec.port, timeout=timeout_s)
    try:
        if spec.security == "starttls":
            server.starttls(context=context)
        if spec.user:
            server.login(spec.user, read_variable(str(spec.password_env)))
        server.ehlo_or_helo_if_needed()
    except BaseException:
        server.close()
        raise
    return server


def _hand_over(server: Any, sender: str, to: str, message: EmailMessage) -> None:
    """Say sender, receiver and message; only after the last line has gone is the end unknown."""
    data = re.sub(rb"(?m)^\.", b"..", message.as_bytes(policy=SMTP))
    try:
        for say, word, wanted in ((server.mail, sender, 250), (server.rcpt, to, 250), (server.docmd, "DATA", 354)):
            code, said = say(word)
            if code != wanted and not (wanted == 250 and code == 251):
                raise NotSentError(f"the mail server answered {code} {_line(said)}")
        server.send(data.rstrip(b"\r\n") + b"\r\n")
        if _has_hung_up(server):  # without its last line no server takes a message
            raise NotSentError("the mail server hung up")
    except (OSError, smtplib.SMTPException) as error:
        raise NotSentError(f"the mail server hung up: {_reason(error)}") from None
    try:
        server.send(b".\r\n")
        code, said = server.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise UnknownError(f"the mail server gave no answer: {_reason(error)}") from None
    if code != 250:
        raise NotSentError(f"the mail server answered {code} {_line(said)}")


def _has_hung_up(server: smtplib.SMTP) -> bool:
    """Tell whether a server has spoken or gone in the midst of a message, where neither belongs."""
    return server.sock is not None and bool(select.select([server.sock], [], [], HANG_UP_S)[0])


def append_line(path: Path, body: Mapping[str, Any], key: str) -> None:
    """Append an alarm to a file as one line of JSON, unless a line with its key stands there."""
    line = json.dumps({"id": key, **body}, ensure_ascii=False)
    mark = json.dumps({"id": key})[:-1]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            file.seek(0)
            before = file.read()
            if any(one.startswith(mark.encode()) and one.endswith(b"}") for one in before.splitlines()):
                return
            # a line that a kill cut short stays by itself
            file.write((b"" if not before or before.endswith(b"\n") else b"\n") + line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise NotSentError(f"the file cannot be written: {error.strerror}") from None


def _reason(error: Exception) -> str:
    """Return why something failed, in one line that quotes no address."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_line(error.smtp_error)}"
    return str(getattr(error, "strerror", None) or type(error).__name__)


def _line(said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:120]
