"""Knot Resolver, with the list as a response policy zone. It needs the Lua module cqueues."""

from bench.peers.base import Peer, Place
from bench.places import LOOPBACK


def _command(program: str, place: Place) -> list[str]:
    zone = place.write_rpz()
    config = f"""\
net.listen('{LOOPBACK}', {place.port}, {{kind='dns'}})
net.ipv6 = false
modules = {{'policy'}}
for _, name in ipairs({{'priming', 'ta_update', 'ta_signal_query', 'ta_sentinel',
                       'detect_time_skew'}}) do
  modules.unload(name)
end
trust_anchors.remove('.')
log_level('err')
cache.open(500*MB, 'lmdb://{place.folder}/cache')
policy.add(policy.rpz(policy.DENY, '{zone}', false))
policy.add(policy.all(policy.STUB('{LOOPBACK}@{place.upstream}')))
"""
    path = place.write("kresd.conf", config)
    return [program, "-n", "-c", str(path), str(place.folder)]


PEERS = (Peer("kresd-rpz", "kresd", _command),)
