"""Record types by the names lists use for them (IANA registry "Resource Record (RR) TYPEs")."""

import re

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, SVCB, HTTPS = 1, 2, 5, 6, 12, 15, 16, 28, 33, 64, 65

_NAMED = (
    "A=1 NS=2 CNAME=5 SOA=6 NULL=10 WKS=11 PTR=12 HINFO=13 MINFO=14 MX=15 TXT=16 RP=17 AFSDB=18 "
    "X25=19 ISDN=20 RT=21 SIG=24 KEY=25 PX=26 GPOS=27 AAAA=28 LOC=29 SRV=33 NAPTR=35 KX=36 CERT=37 "
    "DNAME=39 APL=42 DS=43 SSHFP=44 IPSECKEY=45 RRSIG=46 NSEC=47 DNSKEY=48 DHCID=49 NSEC3=50 "
    "NSEC3PARAM=51 TLSA=52 SMIMEA=53 HIP=55 CDS=59 CDNSKEY=60 OPENPGPKEY=61 CSYNC=62 ZONEMD=63 "
    "SVCB=64 HTTPS=65 SPF=99 NID=104 L32=105 L64=106 LP=107 EUI48=108 EUI64=109 TKEY=249 TSIG=250 "
    "IXFR=251 AXFR=252 MAILB=253 MAILA=254 ANY=255 URI=256 CAA=257 AVC=258 TA=32768 DLV=32769"
)
_NUMBERS = {name: int(number) for name, number in (pair.split("=") for pair in _NAMED.split())}
_UNKNOWN = re.compile(r"TYPE([0-9]{1,5})")


def type_number(text: str) -> int | None:
    """Return the number of the type `text` in any case, also TYPE64 (RFC 3597 section 5)."""
    upper = text.upper()
    number = _NUMBERS.get(upper)
    if number is None:
        unknown = _UNKNOWN.fullmatch(upper)
        number = int(unknown[1]) if unknown else None
    return number if number is not None and number <= 0xFFFF else None
