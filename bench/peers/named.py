"""BIND's named, with the list as a response policy zone."""

from bench.peers.base import Peer, Place
from bench.places import LOOPBACK


def _command(program: str, place: Place) -> list[str]:
    zone = place.write_rpz()
    config = f"""\
options {{
  directory "{place.folder}";
  pid-file "{place.folder}/named.pid";
  session-keyfile "{place.folder}/session.key";
  lock-file none;
  listen-on port {place.port} {{ {LOOPBACK}; }};
  listen-on-v6 {{ none; }};
  recursion yes;
  allow-recursion {{ any; }};
  forward only;
  forwarders {{ {LOOPBACK} port {place.upstream}; }};
  dnssec-validation no;
  minimal-responses yes;
  qname-minimization off;
  querylog no;
  max-cache-size 1g;
  empty-zones-enable no;
  recursive-clients 4000;
  response-policy {{ zone "rpz.bench" policy given add-soa no; }} qname-wait-recurse no;
}};
controls {{ }};
zone "rpz.bench" {{ type primary; file "{zone}"; check-names ignore; allow-query {{ none; }}; }};
"""
    return [program, "-f", "-n", "1", "-c", str(place.write("named.conf", config))]


PEERS = (Peer("named-rpz", "named", _command),)
