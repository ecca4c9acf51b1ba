"""Test traffic, built with scapy: a pupil, filterd's resolver, and a small internet. No real data.
`recording` writes what goes over a wire of a namespace.
"""

import itertools
import socket
import threading
import time
from contextlib import contextmanager

from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import PcapNgWriter, PcapWriter

from tests.support.hellos import hello, outer_ech, records, server_name

PUPIL = {4: "10.77.0.2", 6: "fd00:77::2"}
RESOLVER = {4: "10.77.0.1", 6: "fd00:77::1"}
SITE = {4: "192.0.2.80", 6: "2001:db8:80::1"}
STRANGE = {4: "198.51.100.9", 6: "2001:db8:99::9"}
DEVICE = "02:00:00:00:00:47"
BEGAN = 1_767_225_600.0  # a full hour
SETTLED = 600.0  # seconds after which names and addresses are judged


class Recording:
    """Frames of an interface, with the Unix time of each."""

    def __init__(self):
        self.frames = []

    def write(self, path, *, long_before=0.0):
        """Write a pcap file. The first packet is put `long_before` seconds earlier, as if the
        capture had gone on for a while.
        """
        with PcapWriter(str(path), sync=True, linktype=1) as writer:
            for number, (at, frame) in enumerate(self.frames):
                packet = Ether(frame)
                packet.time = at if number else at - long_before
                writer.write(packet)
        return path


@contextmanager
def recording(interface):
    """Record both directions of an interface of this thread's namespace until the block ends."""
    made = Recording()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as wire:
        wire.bind((interface, 0))
        wire.settimeout(0.1)
        done = threading.Event()

        def listen():
            while not done.is_set():
                try:
                    frame = wire.recv(65_536)
                except TimeoutError:
                    continue
                made.frames.append((time.time(), frame))

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield made
            time.sleep(0.3)  # what is still on its way
        finally:
            done.set()
            thread.join()


class Traffic:
    """Packets in the order of a clock of its own."""

    def __init__(self, version=4, source=None, at=BEGAN):
        self.version, self.at = version, at
        self.pupil = source or PUPIL[version]
        self.packets = []
        self._ports = itertools.count(40_000)

    def wait(self, seconds):
        self.at += seconds
        return self

    def put(self, layers, *, source=None, target=STRANGE, answer=False):
        """One packet from the pupil to `target` (or back)."""
        target = target[self.version] if isinstance(target, dict) else target
        source = source or self.pupil
        ends = {"src": target, "dst": source} if answer else {"src": source, "dst": target}
        network = IP(**ends) if self.version == 4 else IPv6(**ends)
        packet = Ether(src=DEVICE, dst="02:00:00:00:00:01") / network / layers
        packet = Ether(bytes(packet))  # lengths and checksums as they are sent
        self.at += 0.01
        packet.time = self.at
        self.packets.append(packet)
        return packet

    def datagram(self, port, data=b"hello", *, target=STRANGE, source_port=None):
        source_port = source_port or next(self._ports)
        self.put(UDP(sport=source_port, dport=port) / Raw(data), target=target)

    def resolve(self, name, address=None, *, server=RESOLVER):
        """Ask and be answered, as a device does before it connects."""
        port = next(self._ports)
        kind = "A" if self.version == 4 else "AAAA"
        question = DNSQR(qname=name, qtype=kind)
        asked = DNS(id=7, rd=1, qd=question)
        self.put(UDP(sport=port, dport=53) / asked, target=server)
        records_of = [DNSRR(rrname=name, type=kind, ttl=60, rdata=address)] if address else []
        reply = DNS(id=7, qr=1, rd=1, ra=1, qd=question, an=records_of, rcode=0 if address else 3)
        self.put(UDP(sport=53, dport=port) / reply, target=server, answer=True)

    def connect(self, port, data=b"", *, target=STRANGE, size=1400):
        """A TCP connection of the pupil, whose first bytes are `data`, in segments of `size`."""
        mine = next(self._ports)
        self.put(TCP(sport=mine, dport=port, flags="S", seq=1000), target=target)
        self.put(
            TCP(sport=port, dport=mine, flags="SA", seq=5000, ack=1001), target=target, answer=True
        )
        self.put(TCP(sport=mine, dport=port, flags="A", seq=1001, ack=5001), target=target)
        for at in range(0, len(data), size):
            segment = TCP(sport=mine, dport=port, flags="PA", seq=1001 + at, ack=5001)
            self.put(segment / Raw(data[at : at + size]), target=target)

    def tls(self, name, *, target=SITE, ech=False, port=443, size=1400):
        extensions = [server_name(name)] + ([outer_ech()] if ech else [])
        self.connect(port, records(hello(*extensions)), target=target, size=size)

    def browse(self, name="www.example.com", *, times=1):
        """What a browser does: resolve, then TLS with a GREASE ECH to what was answered."""
        for _ in range(times):
            self.resolve(name, SITE[self.version])
            self.tls(name, ech=True)

    def settle(self):
        """Have the capture be old enough for names and addresses to be judged."""
        self.browse()
        return self.wait(SETTLED)

    def write(self, path, *, pcapng=False, nano=False):
        if pcapng:
            with PcapNgWriter(str(path)) as writer:
                writer.write(self.packets)
        else:
            with PcapWriter(str(path), sync=True, nano=nano) as writer:
                writer.write(self.packets)
        return path
