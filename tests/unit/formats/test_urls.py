"""URLs with international hosts, and those that are none."""

import pytest

from filterd.formats.urls import read_url
from filterd.model.errors import InvalidName


@pytest.mark.parametrize(
    ("text", "host", "path"),
    [
        ("https://bücher.example/ü", "xn--bcher-kva.example", "/%C3%BC"),
        ("//u@BÜCHER.example:8080?ü", "xn--bcher-kva.example", "/?%C3%BC"),
        ("bücher.example", "xn--bcher-kva.example", "/"),
        ("https://example.com/ü/../ö", "example.com", "/%C3%B6"),
        ("https://ü@example.com/", "example.com", "/"),
    ],
)
def test_hosts_become_a_labels(text, host, path):
    assert read_url(text) == (host, path)


@pytest.mark.parametrize(
    "text", ["", "https://", "https://ü..\u200b/", "https://\ud800.example/", "/"]
)
def test_no_host(text):
    with pytest.raises(InvalidName):
        read_url(text)
