"""dnsmasq, with the list as servers of which there is none."""

from bench.peers.base import Peer, Place
from bench.places import LOOPBACK


def _command(program: str, place: Place) -> list[str]:
    servers = place.write_names("dnsmasq.servers", "", "server=/{}/\n")
    own = ["-k", "-C", "/dev/null", "-R", "-h", "--bind-interfaces", "--user=root"]
    size = ["--cache-size=200000", "--dns-forward-max=4000", "--pid-file="]
    door = [f"--port={place.port}", f"--listen-address={LOOPBACK}"]
    upstream = f"--server={LOOPBACK}#{place.upstream}"
    return [program, *own, *size, *door, upstream, f"--servers-file={servers}"]


PEERS = (Peer("dnsmasq", "dnsmasq", _command),)
