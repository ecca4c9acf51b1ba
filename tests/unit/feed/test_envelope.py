import pytest

from filterd.feed.envelope import seal, unseal
from filterd.feed.keys import public_key
from filterd.feed.refusal import Fault, Refused
from tests.support.ministry import signer

NODE = signer()
KNOWN = {"n": int, "word": str}


def refused(value, kind="batch", key=None):
    with pytest.raises(Refused) as found:
        unseal(kind, value, key or public_key(NODE), KNOWN)
    return found.value.fault


def test_what_is_sealed_is_read_again():
    plain = {"n": 1, "word": "x"}
    assert unseal("batch", seal("batch", plain, NODE), public_key(NODE), KNOWN) == plain


def test_what_was_sealed_as_one_thing_is_not_another():
    sealed = seal("batch", {"n": 1, "word": "x"}, NODE)
    assert refused({**sealed, "receipt": sealed["batch"]}, "receipt") is Fault.MALFORMED
    del sealed["batch"]
    sealed["receipt"] = {"n": 1, "word": "x"}
    assert refused(sealed, "receipt") is Fault.UNSIGNED


def test_a_changed_word_another_key_an_unknown_field():
    sealed = seal("batch", {"n": 1, "word": "x"}, NODE)
    assert refused({**sealed, "batch": {"n": 2, "word": "x"}}) is Fault.UNSIGNED
    assert refused(sealed, key=public_key(signer())) is Fault.UNSIGNED
    assert refused({**sealed, "batch": {"n": 1, "word": "x", "client": "y"}}) is Fault.MALFORMED
