"""How hooks are told, in the HTTP filter's own environment: a fault of ours ends what it is about."""

import subprocess

import pytest

from tests.support.data import ROOT

pytestmark = [pytest.mark.real, pytest.mark.http_core]

TOLD = """
import asyncio
import logging
from mitmproxy import exceptions, options
from mitmproxy.master import Master
from mitmproxy.proxy.layers.http import HttpRequestHeadersHook, HttpResponseHook
from mitmproxy.test import tflow
from filterd.http.addon.lean import use_lean
from filterd.http.addon.stream import Stream

logging.basicConfig()

class First:
    def requestheaders(self, flow):
        raise RuntimeError("a fault of ours")
    async def response(self, flow):
        raise exceptions.AddonHalt

class Second:
    seen = []
    def requestheaders(self, flow):
        self.seen.append("requestheaders")
    def response(self, flow):
        self.seen.append("response")
    def update(self, flows):
        self.seen.append("update")

async def main():
    master = Master(options.Options(), event_loop=asyncio.get_running_loop())
    use_lean(master)
    master.addons.add(First(), Second())
    flow = tflow.tflow()
    flow.live = True
    await master.addons.handle_lifecycle(HttpRequestHeadersHook(flow))
    assert flow.error.msg == flow.error.KILLED_MESSAGE, flow.error
    whole = tflow.tflow(resp=True)
    await master.addons.handle_lifecycle(HttpResponseHook(whole))
    assert whole.error is None
    assert Second.seen == ["requestheaders", "update", "update"], Second.seen
    for name in ("check_body_size", "handle_protocol_error", "send_response"):
        assert callable(getattr(Stream.__mro__[1], name)), name
    print("told")

asyncio.run(main())
"""


def test_a_fault_at_a_hook_ends_the_flow_and_the_others_are_told(http_python):
    done = subprocess.run(
        [http_python, "-c", TOLD], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "told\n", done.stderr
    assert "a fault of ours" in done.stderr
