"""Where the app listens, and what that is called."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress

from explorer.images import InputError

PORTS = range(7860, 7960)
LAST_PORT = 65535


def listen(host: str, port: int | None) -> socket.socket:
    """A socket bound before anything is loaded, so that a port in use is known at once.

    host: a name or an address; "::" is every address of both families where the system has it so. port: None takes the
    first free one of PORTS, 0 any free one. Raises InputError.
    """
    if port is not None and not 0 <= port <= LAST_PORT:
        raise InputError(f"A port is a number up to {LAST_PORT}, not {port}: choose another with --port.")
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise InputError(f"There is no address called {host!r} here: choose another with --host.") from None
    families = dict.fromkeys(family for family, *_ in found)
    family = socket.AF_INET if socket.AF_INET in families else next(iter(families))
    dual = family == socket.AF_INET6 and found[0][4][0] == "::" and socket.has_dualstack_ipv6()
    why = ""
    for candidate in PORTS if port is None else [port]:
        try:
            server = socket.create_server((host, candidate), family=family, dualstack_ipv6=dual)
            # asyncio sends at once where a socket knows its protocol; else a part of an answer can wait for 40 ms.
            return socket.socket(proto=socket.IPPROTO_TCP, fileno=server.detach())
        except OSError as error:
            why = error.strerror or str(error)
    wanted = f"Port {port}" if port else "Every port that was tried"
    raise InputError(f"{wanted} on {host} cannot be had ({why}): choose another with --port or --host.")


def address(host: str, port: int) -> str:
    """The app's address, for who sits at this machine."""
    name = host
    with suppress(ValueError):
        found = ipaddress.ip_address(host)
        name = ("[::1]" if found.version == 6 else "127.0.0.1") if found.is_unspecified else host
        name = f"[{name}]" if found.version == 6 and "[" not in name else name
    return f"http://{name}:{port}"
