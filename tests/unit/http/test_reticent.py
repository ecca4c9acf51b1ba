"""What a worker's log says of errors: type and place, and nothing that was read."""

import logging
import sys

from filterd.http.reticent import Reticent


def line(name, message, *args, error=None):
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord(name, logging.ERROR, "x.py", 1, message, args, info)
    return Reticent().format(record)


def raised(error):
    try:
        raise error
    except type(error):
        return sys.exc_info()[1]


def test_an_error_is_told_by_its_type_and_place():
    secret = raised(AssertionError("Expected no events, got data=b'message of a child'"))
    said = line("mitmproxy.proxy.server", "mitmproxy has crashed!", error=secret)
    assert "child" not in said
    assert "mitmproxy has crashed!" in said
    assert said.endswith("AssertionError")
    assert "test_reticent.py:" in said


def test_what_others_say_behind_a_colon_is_left_out():
    assert "secret" not in line("mitmproxy", "connection handler has crashed: %s", "secret")
    assert "9.9.9" in line("filterd.http.rules", "rules in force: generation %s", "9.9.9")
