"""What nodes send by way of NATS JetStream, so that a slow database slows no node.

Whoever took a request looks at it, puts it into the stream and answers once the stream has it on
disk. Writers take it from there, as many processes as there are, and acknowledge after the commit.
What is delivered twice meets the same keys in the database as what is sent twice; so a writer that
is killed between commit and acknowledgement loses and doubles nothing. Signatures are looked at
again before anything is written: the stream is a way, not somebody to trust.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence

import zstandard
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError
from sqlalchemy.exc import DBAPIError

from filterd.feed.canonical import canonical, read_object
from filterd.feed.refusal import Fault, Refused
from filterd.hub.arriving import Arrived, What
from filterd.hub.audit import note
from filterd.hub.database import Database, DatabaseError
from filterd.hub.ingest import UnknownNode, take_many
from filterd.model.errors import FilterdError

logger = logging.getLogger(__name__)

NAME = "FILTERD_INGEST"
SUBJECT = "filterd.ingest"
WRITER = "filterd-writer"  # the durable consumer that all writers share
MOST_BYTES = 8 * 2**30  # on the server's disk; more is refused, and nodes keep it
MOST_PLAIN = 8 * 2**20  # bytes of one message, unpacked
AT_ONCE = 64  # messages in one transaction
ACK_WAIT = 20  # seconds until what was not acknowledged is delivered again
_AGAIN = 5.0  # seconds until a message is tried again that the database could not take
_CONNECTING = 10.0  # seconds
_PATIENCE = 1.0  # seconds that a writer waits for messages before it looks whether to stop


class StreamError(FilterdError):
    """The stream did not take it. The node keeps what it sent and sends it again."""


class Stream:
    """A connection to the stream. Of one event loop."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._jetstream = client.jetstream(timeout=10)

    @classmethod
    async def open(
        cls, servers: Sequence[str], replicas: int = 1, ack_wait: int = ACK_WAIT
    ) -> "Stream":
        """Connect, and make the stream where it is not there; `replicas` of it in a cluster. What
        was not acknowledged for `ack_wait` seconds is delivered again.

        Raises:
            StreamError: no server answers, or it has no JetStream.
        """
        client = Client()
        try:
            async with asyncio.timeout(_CONNECTING):
                await client.connect(
                    list(servers),
                    name="filterd hub",
                    max_reconnect_attempts=-1,  # once it was there, it may come and go
                    error_cb=_complain,
                )
            stream = cls(client)
            await stream._make(replicas, ack_wait)
        except (NatsError, OSError, TimeoutError) as error:
            await client.close()
            why = str(error) or "no answer"
            raise StreamError(f"{', '.join(servers)}: no JetStream there: {why}") from error
        return stream

    async def offer(self, arrived: Arrived) -> bool:
        """Put what arrived, and was looked at, into the stream; it is on disk when this returns.
        False: the very same is in it already.

        Raises:
            StreamError: it is full, gone or slow.
        """
        plain = canonical({"value": arrived.value})
        headers = {
            "Nats-Msg-Id": f"{arrived.node[:16]}-{hashlib.sha256(plain).hexdigest()}",
            "Filterd-What": arrived.what.value,
            "Filterd-Node": arrived.node,
            "Filterd-At": str(arrived.at_ms),
        }
        if arrived.skew is not None:
            headers["Filterd-Skew"] = str(arrived.skew)
        body = zstandard.ZstdCompressor(level=3).compress(plain)
        try:
            ack = await self._jetstream.publish(SUBJECT, body, stream=NAME, headers=headers)
        except (NatsError, OSError, TimeoutError) as error:
            raise StreamError(f"the stream did not take it: {error}") from error
        return not ack.duplicate

    async def waiting(self) -> int:
        """Return how many messages are not written yet. StreamError."""
        try:
            told = await self._jetstream.stream_info(NAME)
        except (NatsError, OSError, TimeoutError) as error:
            raise StreamError(f"the stream does not answer: {error}") from error
        return int(told.state.messages)

    async def write(self, database: Database, stop: asyncio.Event) -> None:
        """Be a writer until `stop` is set: take messages, write them, acknowledge."""
        subscription = await self._jetstream.pull_subscribe(SUBJECT, WRITER, NAME)
        while not stop.is_set():
            try:
                messages = await subscription.fetch(AT_ONCE, timeout=_PATIENCE)
            except (NatsError, OSError, TimeoutError) as error:
                if not isinstance(error, TimeoutError):
                    logger.warning("the stream does not answer: %s", error)
                    await asyncio.sleep(_PATIENCE)
                continue
            try:
                done = await asyncio.to_thread(write_messages, database, messages)
            except Exception:  # whatever it is, the other messages are to be written
                logger.exception("messages were not written, they will be tried again")
                done = [False] * len(messages)
            for message, good in zip(messages, done, strict=True):
                await _settle(message, good)

    async def close(self) -> None:
        """Let go."""
        await self._client.close()

    async def _make(self, replicas: int, ack_wait: int) -> None:
        try:
            await self._jetstream.stream_info(NAME)
        except NotFoundError:
            await self._jetstream.add_stream(
                StreamConfig(
                    name=NAME,
                    subjects=[SUBJECT],
                    retention=RetentionPolicy.WORK_QUEUE,
                    discard=DiscardPolicy.NEW,
                    storage=StorageType.FILE,
                    max_bytes=MOST_BYTES,
                    num_replicas=replicas,
                    duplicate_window=120,
                )
            )
        await self._jetstream.add_consumer(
            NAME,
            ConsumerConfig(
                durable_name=WRITER,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ack_wait,
                max_ack_pending=16 * AT_ONCE,
            ),
        )


def write_messages(database: Database, messages: Sequence[Msg]) -> list[bool]:
    """Write messages, all in one transaction if all are good. Return for each whether it is done:
    written, or refused for good; what is not done is to be delivered again.
    """
    try:
        with database.write() as connection:
            take_many(connection, [_arrived(each) for each in messages])
    except (Refused, UnknownNode, DBAPIError) as refused:
        if len(messages) > 1:  # one bad node does not hold up the others
            return [done for each in messages for done in write_messages(database, [each])]
        return [_set_aside(database, messages[0], refused)]
    except DatabaseError as error:
        logger.warning("nothing was written, it will be tried again: %s", error)
        return [False] * len(messages)
    return [True] * len(messages)


def _set_aside(database: Database, message: Msg, refused: Exception) -> bool:
    """It was good when it was taken: a node that was ended since, or two batches under one id."""
    logger.warning("a message is set aside: %s", refused)
    headers = message.headers or {}
    node = headers.get("Filterd-Node", "?")
    digest = hashlib.sha256(message.data).hexdigest()
    try:
        at_ms = int(headers.get("Filterd-At", "0"))
        detail = {"why": str(refused)[:400], "digest": digest}
        with database.write() as connection:
            note(connection, f"node {node}", "set-aside", node, detail, at_ms)
    except (DatabaseError, ValueError) as error:
        logger.warning("not noted that %s of %s was set aside: %s", digest, node, error)
        return isinstance(error, ValueError)
    return True


def _arrived(message: Msg) -> Arrived:
    headers = message.headers or {}
    try:
        plain = zstandard.ZstdDecompressor().decompress(message.data, max_output_size=MOST_PLAIN)
        what, at_ms = What(headers["Filterd-What"]), int(headers["Filterd-At"])
        said = headers.get("Filterd-Skew")
        skew = None if said is None else int(said)
        value = read_object(plain, MOST_PLAIN)["value"]
        return Arrived(what, headers["Filterd-Node"], value, at_ms, skew)
    except (zstandard.ZstdError, ValueError, KeyError) as error:
        raise Refused(Fault.MALFORMED, f"not a message of this hub: {error}") from error


async def _settle(message: Msg, good: bool) -> None:  # noqa: FBT001 - what `write_messages` said
    try:
        await (message.ack() if good else message.nak(delay=_AGAIN))
    except (NatsError, OSError, TimeoutError) as error:
        # It is delivered again, and is known then.
        logger.warning("a message was not acknowledged: %s", error)


async def _complain(error: Exception) -> None:
    logger.warning("NATS: %s", error)
