"""dnsdist, with the list as a SuffixMatchNode and its packet cache."""

from bench.peers.base import Peer, Place
from bench.places import LOOPBACK


def _command(program: str, place: Place) -> list[str]:
    config = f"""\
setLocal("{LOOPBACK}:{place.port}", {{}})
setACL({{"127.0.0.0/8"}})
setSecurityPollSuffix("")
setMaxUDPOutstanding(60000)
newServer({{address="{LOOPBACK}:{place.upstream}", checkInterval=60, sockets=1}})
getPool(""):setCache(newPacketCache(1000000, {{maxTTL=86400, numberOfShards=1}}))
local listed = newSuffixMatchNode()
for name in io.lines("{place.names}") do listed:add(newDNSName(name)) end
addAction(SuffixMatchNodeRule(listed, true), RCodeAction(DNSRCode.NXDOMAIN))
"""
    path = place.write("dnsdist.conf", config)
    return [program, "--supervised", "--disable-syslog", "-C", str(path)]


PEERS = (Peer("dnsdist", "dnsdist", _command),)
