"""Telling systemd how the service is (sd_notify(3)); nothing where systemd did not start it."""

import logging
import os
import socket

logger = logging.getLogger(__name__)


def notify(state: str, environ: "os._Environ[str] | dict[str, str]" = os.environ) -> bool:
    """Send `state` ("READY=1"); return whether anybody was told."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):  # abstract namespace
        address = f"\0{address[1:]}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.connect(address)
            sock.sendall(state.encode())
    except OSError as error:
        logger.warning("systemd was not told %s: %s", state, error)
        return False
    return True
