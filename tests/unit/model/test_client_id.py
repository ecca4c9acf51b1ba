import pytest

from filterd.config.types import read_client_id
from filterd.model.client_id import IdKind, kind_of


@pytest.mark.parametrize(
    ("written", "read", "kind"),
    [
        ("192.0.2.7", "192.0.2.7/32", IdKind.NETWORK),
        ("2001:DB8::/32", "2001:db8::/32", IdKind.NETWORK),
        ("00-00-5E-00-53-07", "00:00:5e:00:53:07", IdKind.MAC),
        ("user:Alice@School.Test", "user:alice@school.test", IdKind.USER),
        ("user:host/pc7.school.test", "user:host/pc7.school.test", IdKind.USER),
        ("class:Lớp 8B", "class:lớp 8b", IdKind.CLASS),
        ("host:pc7.school.test.", "host:pc7.school.test", IdKind.HOST),
    ],
)
def test_what_an_id_is(written: str, read: str, kind: IdKind) -> None:
    assert read_client_id(written) == read
    assert kind_of(read) is kind


@pytest.mark.parametrize("written", ["user:", "host: ", "group:x", "user:a\nb", "alice"])
def test_what_is_none(written: str) -> None:
    with pytest.raises(ValueError, match="no network"):
        read_client_id(written)


def test_what_was_vouched_for_comes_before_what_a_device_says() -> None:
    order = [IdKind.HOST, IdKind.MAC, IdKind.CLASS, IdKind.USER, IdKind.NETWORK]
    assert sorted(IdKind) == order
