"""Unbound, with the list as a response policy zone or as local zones."""

from bench.peers.base import Peer, Place
from bench.places import LOOPBACK


def _config(place: Place, modules: str, rules: str) -> str:
    return f"""\
server:
  directory: "{place.folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: "{place.folder}/unbound.log"
  do-daemonize: no
  num-threads: 1
  interface: {LOOPBACK}@{place.port}
  do-ip6: no
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  module-config: "{modules}"
  minimal-responses: yes
  qname-minimisation: no
  msg-cache-size: 256m
  rrset-cache-size: 512m
  outgoing-range: 4096
  num-queries-per-thread: 2048
  so-rcvbuf: 4m
  so-sndbuf: 4m
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: {LOOPBACK}@{place.upstream}
{rules}"""


def _rpz(program: str, place: Place) -> list[str]:
    rules = f'rpz:\n  name: "rpz.bench."\n  zonefile: "{place.write_rpz()}"\n'
    config = place.write("unbound.conf", _config(place, "respip iterator", rules))
    return [program, "-d", "-c", str(config)]


def _local_zones(program: str, place: Place) -> list[str]:
    zones = place.write_names("zones.conf", "server:\n", 'local-zone: "{}." always_nxdomain\n')
    config = place.write("unbound.conf", _config(place, "iterator", f'include: "{zones}"\n'))
    return [program, "-d", "-c", str(config)]


PEERS = (
    Peer("unbound-rpz", "unbound", _rpz),
    Peer("unbound-lz", "unbound", _local_zones),
)
