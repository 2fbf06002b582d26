"""By which names the page may be asked for, and which addresses only this machine reaches."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

#: A name or an address, IPv6 in brackets, perhaps with a port.
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\s:/@\[\]]+))(?::\d*)?")


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address.

    >>> is_loopback("localhost"), is_loopback("127.0.0.2"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    found = _address(host)
    return host.lower() == "localhost" if found is None else found.is_loopback


def is_our_name(header: str, host: str) -> bool:
    """Return whether a request is meant for us by its ``Host``: another page may lead its own name to our address.

    Loopback names and the given host are ours. Served at all addresses (``0.0.0.0``), every address of numbers and
    the name of this machine are too: a foreign page cannot have those.

    Examples
    --------
    >>> is_our_name("localhost:8765", "127.0.0.1"), is_our_name("[::1]:8765", "127.0.0.1")
    (True, True)
    >>> is_our_name("evil.example", "127.0.0.1"), is_our_name("desk.local", "desk.local")
    (False, True)
    >>> is_our_name("192.168.1.7:8765", "0.0.0.0"), is_our_name("evil.example", "0.0.0.0")
    (True, False)
    """
    parts = _HOST.fullmatch(header.strip().lower())
    if parts is None:
        return False
    name = (parts[1] or parts[2]).removesuffix(".")
    if name == host.lower() or is_loopback(name):
        return True
    ours = _address(host)
    every = ours is not None and ours.is_unspecified
    return every and (_address(name) is not None or name in (socket.gethostname().lower(), socket.getfqdn().lower()))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
