import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed import request as module
from filterd.feed.keys import public_key
from filterd.feed.refusal import Fault, Refused
from filterd.feed.request import WINDOW, Request, check_request, sender_of, signed_headers
from tests.support.ministry import NOW, signer

NODE = signer()
KEY = public_key(NODE)


def request(content=b"{}", path="/v1/reports", at=NOW, node=NODE):
    headers = signed_headers("POST", path, content, node, at)
    return Request("POST", path, content, {name.lower(): value for name, value in headers.items()})


def refused(request, now=NOW):
    with pytest.raises(Refused) as found:
        check_request(request, KEY, now)
    return found.value.fault


def test_a_request_says_who_signed_it_and_is_checked():
    made = request()
    assert sender_of(made) == KEY.id
    assert check_request(made, KEY, NOW) == 0


def test_how_far_the_clock_is_ahead_is_told():
    assert check_request(request(at=NOW + 40), KEY, NOW) == 40
    assert check_request(request(at=NOW - 40), KEY, NOW) == -40


@pytest.mark.parametrize("off", [WINDOW + 1, -WINDOW - 1])
def test_one_of_another_time_is_refused(off):
    assert refused(request(at=NOW + off)) is Fault.MIXED


def test_another_content_is_found_out():
    made = request(b'{"n":1}')
    changed = Request("POST", made.path, b'{"n":2}', made.headers)
    assert refused(changed) is Fault.TAMPERED


def test_a_signature_fits_one_path_and_one_method():
    made = request()
    assert refused(Request("POST", "/v1/receipts", b"{}", made.headers)) is Fault.UNSIGNED
    assert refused(Request("PUT", made.path, b"{}", made.headers)) is Fault.UNSIGNED


def test_another_nodes_signature_does_not_do():
    assert refused(request(node=signer())) is Fault.UNSIGNED


@pytest.mark.parametrize("name", ["signature", "signature-input", "content-digest"])
def test_a_header_that_is_missing(name):
    made = request()
    headers = {key: value for key, value in made.headers.items() if key != name}
    expected = Fault.TAMPERED if name == "content-digest" else Fault.MALFORMED
    assert refused(Request("POST", made.path, b"{}", headers)) is expected


@given(st.sampled_from(["signature", "signature-input"]), st.text(max_size=200))
def test_no_header_brings_it_down(name, text):
    made = request()
    with pytest.raises(Refused):
        check_request(Request("POST", made.path, b"{}", {**made.headers, name: text}), KEY, NOW)


def test_the_signature_base_is_that_of_rfc_9421():
    """As its section 2.5 has it: a line for each component, the parameters last."""
    made = request(b"hello")
    parameters = made.headers["signature-input"].removeprefix("filterd=")
    digest = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"
    assert made.headers["content-digest"] == digest
    assert module._base("POST", "/v1/reports", digest, parameters).decode().split("\n") == [
        '"@method": POST',
        '"@path": /v1/reports',
        f'"content-digest": {digest}',
        f'"@signature-params": ("@method" "@path" "content-digest");created={NOW};keyid="{KEY.id}";alg="ed25519"',
    ]
