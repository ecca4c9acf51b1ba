"""Whose an address is, in the order in which DNS and the firewall look."""

import ipaddress

import pytest

from filterd.bypass.places import places_of
from filterd.config.load import loads

SCHOOL = """
default_group: pupils
groups:
  pupils: {age: 9, networks: [10.20.0.0/16]}
  staff: {age: 18, networks: [10.20.2.0/24]}
  guests: {age: 16}
clients:
  printer: {group: guests, ids: [10.20.1.9]}
  laptop: {group: staff, ids: ['00:00:5e:00:53:07']}
  rooms: {group: guests, ids: [10.20.0.0/16, 10.21.0.0/16]}
"""
LAPTOP, OTHER = bytes.fromhex("00005e005307"), bytes.fromhex("00005e005308")


def group(device: bytes, address: str, school: str = SCHOOL) -> str | None:
    return places_of(loads(school)).group_of(device, ipaddress.ip_address(address).packed)


@pytest.mark.parametrize(
    ("device", "address", "expected"),
    [
        (LAPTOP, "10.20.1.9", "guests"),  # the address is named, so it comes first
        (LAPTOP, "10.20.1.8", "staff"),
        (OTHER, "10.20.2.1", "staff"),  # a group's network within a client's
        (OTHER, "10.20.3.1", "guests"),  # the same network twice: the client's
        (OTHER, "10.22.0.1", "pupils"),
    ],
)
def test_the_order_is_that_of_dns(device: bytes, address: str, expected: str) -> None:
    assert group(device, address) == expected


@pytest.mark.parametrize("known", ["user:head@school.example", "host:library-1", "class:grade-8"])
def test_who_is_known_to_dns_alone_goes_by_network(known: str) -> None:
    school = SCHOOL.replace("'00:00:5e:00:53:07'", f"'{known}'")
    assert group(LAPTOP, "10.20.2.1", school) == "staff"


def test_a_link_local_address_is_of_the_school() -> None:
    assert group(OTHER, "fe80::1") == group(OTHER, "169.254.1.1") == "pupils"
