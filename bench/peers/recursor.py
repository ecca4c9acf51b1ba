"""PowerDNS Recursor, with the list as a response policy zone."""

from bench.peers.base import Peer, Place
from bench.places import LOOPBACK


def _command(program: str, place: Place) -> list[str]:
    policy = f'rpzFile("{place.write_rpz()}", {{policyName="rpz.bench"}})\n'
    script = place.write("rpz.lua", policy)
    place.write(
        "recursor.conf",
        f"""\
config-dir={place.folder}
socket-dir={place.folder}
local-address={LOOPBACK}
local-port={place.port}
threads=1
pdns-distributes-queries=no
forward-zones-recurse=.={LOOPBACK}:{place.upstream}
dont-query=
dnssec=off
lua-config-file={script}
max-cache-entries=2000000
max-packetcache-entries=1000000
packetcache-ttl=86400
qname-minimization=no
security-poll-suffix=
loglevel=3
quiet=yes
max-mthreads=4096
hint-file=no
""",
    )
    return [program, f"--config-dir={place.folder}", "--daemon=no"]


PEERS = (Peer("pdns-recursor", "pdns_recursor", _command),)
