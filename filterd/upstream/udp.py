"""Plain DNS over UDP (RFC 1035, RFC 5452), with TCP where UDP is not enough.

A few connected sockets per server, each with a random port from the kernel and a short life.
An answer is taken by (socket, id, question, letter case); everything else is dropped and counted
while we wait on for the right one. Lost queries are sent again with growing waits until the
deadline. TC, and an answer that only lacks our letter case, lead to TCP.
"""

import asyncio
import logging
import socket

from filterd.upstream.base import Cancel, Done, Fault, Means, Transport
from filterd.upstream.counts import Counts, Drop
from filterd.upstream.entropy import Entropy
from filterd.upstream.message import (
    HEADER,
    Expected,
    Fit,
    fits,
    is_response,
    prepare,
    restored,
    truncated,
)

logger = logging.getLogger(__name__)

POOL_BITS = 3  # 2**3 sockets per server
SOCKET_USES = 128  # then a new port
SOCKET_SECONDS = 20.0
SOCKET_STRAYS = 16  # unmatched datagrams after which the port counts as found out
FIRST_WAIT = 0.4  # seconds until the query is sent again; doubles
MOST_READ = 64  # datagrams per wake-up, so that others get their turn
LARGEST = 4096  # octets read from a datagram; more is dropped as oversized
CASE_STRIKES = 3  # answers in other letter case, each confirmed over TCP, until we stop mixing
CASE_MEMORY = 3600.0  # seconds until mixing is tried again


class _Exchange:
    """One question on its way."""

    __slots__ = (
        "cancel_tcp",
        "deadline",
        "done",
        "expected",
        "port",
        "query",
        "suspect",
        "timer",
        "wait",
        "wire",
    )

    def __init__(self, query: bytes, deadline: float, done: Done) -> None:
        self.query = query
        self.deadline = deadline
        self.done: Done | None = done  # None: withdrawn
        self.wait = FIRST_WAIT
        self.suspect = False  # an oversized answer came: try TCP next
        self.cancel_tcp: Cancel | None = None
        self.wire: bytes
        self.expected: Expected
        self.port: _Port | None = None
        self.timer: asyncio.TimerHandle

    def cancel(self) -> None:
        """Withdraw: the entry stays until its next timer, so that a late answer is no stray."""
        self.done = None
        if self.cancel_tcp is not None:
            self.cancel_tcp()


class _Port:
    """One connected socket, that is one random source port."""

    __slots__ = ("born", "fileno", "pending", "retired", "sock", "strays", "uses")

    def __init__(self, sock: socket.socket, born: float) -> None:
        self.sock = sock
        self.fileno = sock.fileno()
        self.born = born
        self.uses = 0
        self.strays = 0
        self.retired = False
        self.pending: dict[bytes, _Exchange] = {}


class UdpTransport:
    """UDP to one address. `tcp` is the way to the same server for what UDP cannot carry."""

    def __init__(
        self, address: str, port: int, means: Means, counts: Counts, tcp: Transport
    ) -> None:
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._target = (address, port)
        self._loop = means.loop
        self._rng = Entropy(means.rng)
        self._counts = counts
        self._tcp = tcp
        self._ports: list[_Port | None] = [None] * (1 << POOL_BITS)
        self._retired: set[_Port] = set()
        self._case_strikes = 0
        self._case_again = 0.0
        self._closed = False

    def ask(self, query: bytes, deadline: float, done: Done) -> Cancel:
        """See Transport. Raises QueryError for what is no query."""
        now = self._loop.time()
        exchange = _Exchange(query, deadline, done)
        wire, expected = prepare(query, self._rng, mix=self.mixes_case(now))
        if self._closed:
            exchange.timer = self._loop.call_at(now, self._fail, exchange, Fault.CLOSED)
            return exchange.cancel
        try:
            port = self._port(now)
            while expected.id in port.pending:
                wire, expected = prepare(query, self._rng, mix=expected.mixed)
            port.sock.send(wire)
        except BlockingIOError:
            pass  # the send buffer is full: as good as lost, the timer sends it again
        except OSError as error:
            logger.debug("udp %s: %s", self._target, error)
            refused = isinstance(error, ConnectionRefusedError)
            fault = Fault.REFUSED if refused else Fault.UNREACHABLE
            exchange.timer = self._loop.call_at(now, self._fail, exchange, fault)
            return exchange.cancel
        port.uses += 1
        port.pending[expected.id] = exchange
        exchange.wire = wire
        exchange.expected = expected
        exchange.port = port
        exchange.timer = self._loop.call_at(min(now + FIRST_WAIT, deadline), self._waited, exchange)
        return exchange.cancel

    def close(self) -> None:
        """Close every socket; open questions end with CLOSED."""
        self._closed = True
        ports = [port for port in (*self._ports, *self._retired) if port is not None]
        self._ports = [None] * len(self._ports)
        self._retired.clear()
        for port in ports:
            self._shut(port)
            for exchange in list(port.pending.values()):
                self._fail(exchange, Fault.CLOSED)
        self._tcp.close()

    def mixes_case(self, now: float) -> bool:
        """Say whether queries carry 0x20 case: not to a server known to lose it."""
        if self._case_strikes < CASE_STRIKES:
            return True
        if now >= self._case_again:
            self._case_strikes = 0
            self._counts.case_lost = False
            return True
        return False

    # -- ports

    def _port(self, now: float) -> _Port:
        at = self._rng.getrandbits(POOL_BITS)
        port = self._ports[at]
        if port is None:
            port = self._ports[at] = self._open(now)
        elif port.uses >= SOCKET_USES or now - port.born >= SOCKET_SECONDS:
            self._retire(at, port)
            port = self._ports[at] = self._open(now)
        return port

    def _open(self, now: float) -> _Port:
        sock = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            # The kernel draws the port at random and keeps to the range the operator reserved.
            sock.connect(self._target)
        except OSError:
            sock.close()
            raise
        port = _Port(sock, now)
        self._loop.add_reader(port.fileno, self._readable, port)
        return port

    def _retire(self, at: int, port: _Port) -> None:
        self._ports[at] = None
        port.retired = True
        if port.pending:
            self._retired.add(port)
        else:
            self._shut(port)

    def _shut(self, port: _Port) -> None:
        self._loop.remove_reader(port.fileno)
        port.sock.close()

    def _release(self, exchange: _Exchange) -> None:
        """Take the exchange off its port; a retired port closes with its last one."""
        port = exchange.port
        if port is None:
            return  # it could not even be sent
        exchange.port = None
        del port.pending[exchange.expected.id]
        exchange.timer.cancel()
        if port.retired and not port.pending and port in self._retired:
            self._retired.discard(port)
            self._shut(port)

    # -- what arrives

    def _readable(self, port: _Port) -> None:
        receive = port.sock.recv
        for _ in range(MOST_READ):
            try:
                answer = receive(LARGEST + 1)
            except BlockingIOError:
                return
            except OSError as error:  # ICMP: nobody listens there
                logger.debug("udp %s: %s", self._target, error)
                refused = isinstance(error, ConnectionRefusedError)
                fault = Fault.REFUSED if refused else Fault.UNREACHABLE
                # libuv stops watching a socket that had an error, so it is watched anew.
                self._loop.remove_reader(port.fileno)
                self._loop.add_reader(port.fileno, self._readable, port)
                for exchange in list(port.pending.values()):
                    self._fail(exchange, fault)
                return
            self._arrived(port, answer)
            if port.retired and not port.pending:
                return  # closed meanwhile

    def _arrived(self, port: _Port, answer: bytes) -> None:
        exchange = port.pending.get(answer[:2])
        if exchange is None:
            self._drop(port, Drop.WRONG_ID if len(answer) >= HEADER else Drop.MALFORMED)
            return
        expected = exchange.expected
        fit = fits(expected, answer)
        if fit is Fit.ALIEN:
            self._drop(port, Drop.WRONG_QUESTION if is_response(answer) else Drop.MALFORMED)
        elif len(answer) > expected.limit or len(answer) > LARGEST:
            exchange.suspect = True
            self._drop(port, Drop.OVERSIZED)
        elif fit is Fit.CASE and expected.mixed:
            self._counts.drops[Drop.WRONG_CASE] += 1
            self._release(exchange)
            self._ask_tcp(exchange, case=True)
        elif truncated(answer):
            self._release(exchange)
            self._ask_tcp(exchange)
        else:
            self._release(exchange)
            done = exchange.done
            if done is not None:
                exchange.done = None
                done(restored(expected, answer))

    def _drop(self, port: _Port, why: Drop) -> None:
        self._counts.drops[why] += 1
        port.strays += 1
        if port.strays >= SOCKET_STRAYS and not port.retired and port in self._ports:
            self._retire(self._ports.index(port), port)

    # -- what does not arrive

    def _waited(self, exchange: _Exchange) -> None:
        now = self._loop.time()
        port = exchange.port
        if exchange.done is None or port is None:
            self._release(exchange)
            return
        if now >= exchange.deadline:
            self._fail(exchange, Fault.TIMEOUT)
            return
        if exchange.suspect:
            self._release(exchange)
            self._ask_tcp(exchange)
            return
        # The same bytes on the same port: every other id or port would be one more to hit.
        try:
            port.sock.send(exchange.wire)
        except OSError as error:
            logger.debug("udp %s: again: %s", self._target, error)
        self._counts.retries += 1
        exchange.wait *= 2
        exchange.timer = self._loop.call_at(
            min(now + exchange.wait, exchange.deadline), self._waited, exchange
        )

    def _fail(self, exchange: _Exchange, fault: Fault) -> None:
        self._release(exchange)
        done = exchange.done
        if done is not None:
            exchange.done = None
            done(fault)

    def _ask_tcp(self, exchange: _Exchange, *, case: bool = False) -> None:
        if exchange.done is None:
            return
        self._counts.to_tcp += 1

        def heard(outcome: bytes | Fault) -> None:
            if case and isinstance(outcome, bytes):
                self._lost_case()
            done = exchange.done
            if done is not None:
                exchange.done = None
                done(outcome)

        exchange.cancel_tcp = self._tcp.ask(exchange.query, exchange.deadline, heard)

    def _lost_case(self) -> None:
        self._case_strikes += 1
        if self._case_strikes == CASE_STRIKES:
            self._case_again = self._loop.time() + CASE_MEMORY
            self._counts.case_lost = True
            logger.info(
                "upstream %s does not keep the letter case of names; asking it without",
                self._target[0],
            )
