"""The hub as real processes, on SQLite and on a real PostgreSQL."""

import contextlib
import json
import signal
import socket
import time
from dataclasses import replace

import pytest
import zstandard
from sqlalchemy import select

from filterd.feed.acts import signed_json
from filterd.feed.canonical import canonical
from filterd.feed.request import signed_headers
from filterd.feed.segment import unpack
from filterd.hub.tables import audits, batches, counts, nodes, orders, receipts, segments
from tests.support.databases import DATABASES, database_url
from tests.support.hub import FakeNode, Listener, RunningHub
from tests.support.hub_rows import database_of, rows
from tests.support.node import eventually, filterd

pytestmark = pytest.mark.real


@pytest.fixture(scope="module", params=DATABASES)
def idle(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    hub = RunningHub(folder / "made", database_url(request.param, folder))
    hub.officer = None
    return hub


@pytest.fixture(scope="module")
def hub(idle):
    with idle.serving():
        idle.officer = idle.person("Officer", "officer")
        idle.auditor = idle.person("Auditor", "auditor")
        yield idle


def test_a_node_enrols_once_with_a_code(hub):
    code = hub.post("/v1/invitations", {"name": "S", "province": "79"}, hub.operator).json["code"]
    one, other = FakeNode(hub), FakeNode(hub)
    answer = one.enrol(code)
    assert (answer.status, answer.json) == (201, {"node": one.key.id, "name": "S"})
    assert one.enrol(code).status == 201, "its answer may have been lost"
    assert "used" in other.enrol(code).detail
    assert other.enrol("aaaa-bbbb").status == 403
    assert other.enrol(code, signer=one.signer).status == 401, "signed with another key"


def test_receipts_and_batches_are_taken_once_however_often_they_are_sent(hub):
    node = hub.node()
    sealed = node.receipt(0)
    first = node.receipts(sealed)
    assert (first.status, first.json) == (200, {"taken": 1, "known": 0})
    assert node.receipts(sealed).json == {"taken": 0, "known": 1}
    batch = node.batch(count=3)
    assert node.report(batch).json == {"taken": 1, "known": 0}
    assert node.report(batch).json == {"taken": 0, "known": 1}
    again = node.batch(count=4, sequence=0)
    assert node.report(again).status == 409, "one id, another content"


def test_bodies_may_be_packed(hub):
    node = hub.node()
    packed = zstandard.compress(canonical(node.batch()))
    how = {"content": packed, "headers": {"Content-Encoding": "zstd"}}
    assert node.report(None, **how).json["taken"] == 1
    how["headers"] = {"Content-Encoding": "gzip"}
    assert node.report(None, **how).status == 415
    bomb = zstandard.compress(bytes(64 * 2**20))
    assert len(bomb) < 2**20
    answer = node.report(None, content=bomb, headers={"Content-Encoding": "zstd"})
    assert answer.status == 413
    assert "bytes" in answer.detail


def test_what_is_forged_or_unknown_is_refused_and_says_why(hub):
    node, stranger = hub.node(), FakeNode(hub)
    assert "unknown node" in stranger.receipts(stranger.receipt(0)).detail
    assert stranger.receipts(stranger.receipt(0)).status == 401
    answer = node.receipts(stranger.receipt(0))
    assert answer.status in {401, 422}, "a receipt of another, in a request of its own"
    body = canonical({"receipts": [node.receipt(0)]})
    signed = signed_headers("POST", "/v1/receipts", body, node.signer, int(time.time()))
    changed = hub.ask("POST", "/v1/receipts", body[:-1] + b" }", signed)
    assert changed.status == 401
    assert "content-digest" in changed.detail
    elsewhere = hub.ask("POST", "/v1/reports", body, signed)
    assert elsewhere.status == 401, "a signature for another path"
    assert hub.ask("POST", "/v1/receipts", body).status == 401
    sealed = node.batch()
    sealed["batch"]["dropped"] = 7
    assert node.report(sealed).status == 401, "changed after it was sealed"


def test_unknown_fields_and_what_does_not_read_are_refused(hub):
    node = hub.node()
    assert node.send("/v1/receipts", {"receipts": [], "client": "x"}).status == 422
    assert "unknown field" in node.send("/v1/receipts", {"receipts": [], "client": "x"}).detail
    assert node.send("/v1/receipts", None, content=b"{").status == 422
    assert node.send("/v1/receipts", None, content=b"\xff" * 20).status == 422
    sealed = node.batch()
    sealed["batch"]["mac"] = "00:00:5e:00:53:01"
    assert node.report(sealed).status == 422
    answer = hub.post("/v1/invitations", {"name": "S", "province": "7", "x": 1}, hub.operator)
    assert answer.status == 422


def test_what_is_from_the_future_is_refused_and_the_clock_is_told(hub):
    node, now = hub.node("A clock"), int(time.time())
    assert node.report(node.batch(made_at=now + 900)).status == 422
    answer = node.receipts(node.receipt(0), at=now + 900)
    assert answer.status == 422
    assert "clock" in answer.detail
    database = database_of(hub)
    with database.read() as connection:
        skew = connection.execute(select(nodes.c.skew).where(nodes.c.id == node.key.id)).scalar()
    assert 890 <= skew <= 900
    assert node.receipts(node.receipt(0)).status == 200
    with database.read() as connection:
        skew = connection.execute(select(nodes.c.skew).where(nodes.c.id == node.key.id)).scalar()
    database.close()
    assert skew < 60, "it was set right"


def test_what_is_played_again_changes_nothing_and_what_is_old_is_refused(hub):
    node, now = hub.node(), int(time.time())
    body = canonical(node.batch(count=2))
    signed = signed_headers("POST", "/v1/reports", body, node.signer, now)
    assert hub.ask("POST", "/v1/reports", body, signed).json == {"taken": 1, "known": 0}
    assert hub.ask("POST", "/v1/reports", body, signed).json == {"taken": 0, "known": 1}
    overheard = signed_headers("POST", "/v1/reports", body, node.signer, now - 900)
    answer = hub.ask("POST", "/v1/reports", body, overheard)
    assert answer.status == 422
    assert "from now" in answer.detail


def test_a_body_over_the_limit_is_not_read(hub):
    node = hub.node()
    answer = None
    for _ in range(10):
        # Who is refused while still sending may find the connection gone before the answer.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            answer = node.send("/v1/reports", None, content=bytes(2**20 + 1))
            break
    assert answer is not None
    assert answer.status == 413
    with socket.create_connection(("127.0.0.1", hub.port), timeout=20) as raw:
        raw.sendall(b"POST /v1/enrol HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n")
        answer = b""
        raw.settimeout(0.01)
        for _ in range(200):
            try:
                raw.sendall(b"4000\r\n" + bytes(0x4000) + b"\r\n")
                answer += raw.recv(4096)
            except TimeoutError:
                continue
            if answer:
                break
        assert answer.startswith(b"HTTP/1.1 413"), "counted, not believed"


def test_orders_are_published_and_pushed(hub):
    listener = Listener(hub)
    size, *_ = listener.event()
    assert size == hub.size
    began = time.monotonic()
    answer = hub.submit(hub.order("one.example.com"), hub.officer)
    assert (answer.status, answer.json["urgent"]) == (202, True)
    ident, checkpoint, files = listener.event()
    assert ident == size + 1
    assert checkpoint.splitlines()[1] == str(ident)
    (segment,) = map(unpack, files)
    assert segment.acts[0].act.patterns[0].text == "one.example.com"
    assert time.monotonic() - began < 3
    listener.close()
    assert eventually(lambda: rows(hub, segments) == ident)


def test_orders_that_are_not_urgent_are_gathered(hub):
    before = hub.size
    for name in ("two.example.com", "three.example.com"):
        assert hub.submit(hub.order(name, urgent=False), hub.officer).status == 202
    assert eventually(lambda: hub.size > before)
    file = hub.world.feed / f"log/000/000/{before:03d}.zst"
    assert len(unpack(file.read_bytes()).acts) == 2, "in one segment"


def test_the_same_order_twice_is_one_and_an_id_is_used_once(hub):
    signed = hub.order("four.example.com")
    assert hub.submit(signed, hub.officer).json["known"] is False
    assert hub.submit(signed, hub.officer).json["known"] is True
    hub.serial -= 1
    assert hub.submit(hub.order("five.example.com"), hub.officer).status == 409


def test_an_officer_publishes_by_the_command_line(hub, tmp_path):
    file, token = tmp_path / "order.json", tmp_path / "token"
    file.write_text(json.dumps(signed_json(hub.order("eight.example.com"))))
    token.write_text(hub.officer)
    words = ("order", "publish", str(file), "--hub", f"http://127.0.0.1:{hub.port}")
    done = filterd(*words, "--token-file", str(token))
    assert "others may read" in done.stderr
    token.chmod(0o600)
    before = hub.size
    done = filterd(*words, "--token-file", str(token))
    assert "taken; it is published at once" in done.stdout, done.stderr
    assert eventually(lambda: hub.size > before)
    assert "already" in filterd(*words, "--token-file", str(token)).stdout
    token.write_text("nonsense")
    assert "token is not known" in filterd(*words, "--token-file", str(token)).stderr
    assert filterd("order", "publish", str(file)).returncode == 2


def test_people_look_at_orders_and_nodes_and_a_province_at_its_own(hub):
    hub.node("Far away", province="01")
    province = hub.person("Province", "province", province="01")
    assert {each["province"] for each in hub.get("/v1/nodes", province).json} == {"01"}
    assert len(hub.get("/v1/nodes", hub.auditor).json) > 1
    assert hub.get("/v1/orders", province).json[0]["authority"] == "ministry"
    assert hub.get("/v1/status", hub.officer).json["size"] == hub.size
    assert "nodes" in hub.get("/v1/late", hub.operator).json
    assert hub.get("/v1/orders/ministry/o-1", hub.auditor).json["id"] == "o-1"
    assert hub.get("/v1/orders/ministry/none", hub.auditor).status == 404
    assert hub.get("/v1/audit", province).status == 403
    told = hub.get("/v1/audit?limit=1000", hub.auditor).json
    assert told["broken"] is None
    assert {"invite", "add-person", "submit-order", "read"} <= {e["what"] for e in told["rows"]}


def test_what_there_is_can_be_taken_away_as_files(hub):
    page = hub.get("/v1/export/orders.csv", hub.auditor)
    assert (page.status, page.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert b"ministry,o-1," in page.body
    assert hub.get("/v1/export/orders.stix", hub.auditor).json["type"] == "bundle"
    assert hub.get("/v1/export/orders.json?start=5&end=5", hub.auditor).status == 422
    assert hub.get("/v1/export/orders.xml", hub.auditor).status == 404
    assert hub.get("/v1/export/orders.csv").status == 401
    node = hub.node()
    address = f"/v1/export/evidence/ministry/o-1/{node.key.id}"
    assert hub.get(address, hub.auditor).body[257:262] == b"ustar"
    assert hub.get(address.replace("o-1", "none"), hub.auditor).status == 404


def test_an_order_that_is_not_warranted_is_refused(hub):
    answer = hub.submit(hub.order("com"), hub.officer)
    assert answer.status == 422
    assert "too-broad" in answer.detail
    signed = hub.order("six.example.com")
    one = replace(signed, signatures=signed.signatures[:1])
    assert "unsigned" in hub.submit(one, hub.officer).detail


def test_each_role_may_what_it_may(hub):
    signed = hub.order("seven.example.com")
    assert hub.submit(signed, None).status == 401
    assert hub.submit(signed, "nonsense").status == 401
    for token in (hub.operator, hub.auditor):
        assert hub.submit(signed, token).status == 403
    said = {"name": "X", "province": "79"}
    assert hub.post("/v1/invitations", said, hub.officer).status == 403
    before = rows(hub, audits)
    name = f"Gone {time.time()}"
    token = hub.person(name, "officer")
    assert hub.post(f"/v1/people/{name.replace(' ', '%20')}/end", {}, hub.operator).status == 200
    assert hub.submit(signed, token).status == 401
    assert rows(hub, audits) == before + 2, "both were noted"


def test_an_ended_node_is_heard_no_more(hub):
    node = hub.node()
    assert hub.post(f"/v1/nodes/{node.key.id}/end", {}, hub.operator).status == 200
    answer = node.receipts(node.receipt(0))
    assert answer.status == 401
    assert "ended" in answer.detail


def test_events_go_on_where_a_subscriber_stopped(hub):
    while hub.size < 3:
        before = hub.size
        hub.submit(hub.order(f"n{time.time_ns()}.example.com"), hub.officer)
        assert eventually(lambda before=before: hub.size > before)
    time.sleep(0.3)
    listener = Listener(hub, last=hub.size - 2)
    size, _, files = listener.event()
    assert size == hub.size
    assert [unpack(each).number for each in files] == [size - 2, size - 1]
    listener.close()
    listener = Listener(hub)
    assert listener.event()[2] == [], "who has nothing fetches"
    listener.close()


def test_the_feed_is_served_as_it_lies_there(hub):
    page = hub.get("/feed/checkpoint")
    assert page.headers["cache-control"] == "no-cache"
    assert (
        hub.ask("GET", "/feed/checkpoint", headers={"If-None-Match": page.headers["etag"]}).status
        == 304
    )
    if hub.size:
        assert "immutable" in hub.get("/feed/log/000/000/000.zst").headers["cache-control"]
    for hidden in ("publishing.lock", "../log.pem", "%2e%2e/log.pem", "checkpoint.new", ".hidden"):
        assert hub.get(f"/feed/{hidden}").status == 404, hidden
    assert "server" not in page.headers


def test_it_says_what_it_is(hub):
    paths = hub.get("/openapi.json").json["paths"]
    assert {"/v1/enrol", "/v1/receipts", "/v1/reports", "/v1/orders"} <= paths.keys()
    assert hub.get("/docs").status == 404
    assert hub.get("/readyz").body == b"ready\n"
    assert hub.metric("filterd_hub_requests_total") > 0


def test_a_node_that_asks_too_much_is_told_when_to_come_back(hub):
    node, other = hub.node(), hub.node()
    sealed = node.receipt(0)
    answers = [node.receipts(sealed) for _ in range(60)]
    late = [each for each in answers if each.status == 429]
    assert late
    assert int(late[0].headers["retry-after"]) >= 1
    assert other.receipts(other.receipt(0)).status == 200, "others have their own share"


@pytest.mark.parametrize("kind", DATABASES)
def test_killed_while_it_takes_and_publishes_nothing_is_lost_or_doubled(kind, tmp_path):
    hub = RunningHub(tmp_path / "killed", database_url(kind, tmp_path))
    sent, taken = {}, []
    node = officer = None
    for round_ in range(4):
        with hub.serving() as process:
            if node is None:
                node, officer = hub.node(), hub.person("Officer", "officer")
            until = time.monotonic() + 0.3 + 0.2 * round_
            while time.monotonic() < until:
                sealed = node.batch(before=node.before)
                sent[node.sequence - 1] = sealed
                signed = hub.order(f"k{node.sequence}.example.com")
                if time.monotonic() + 0.05 > until:
                    process.send_signal(signal.SIGKILL)
                try:
                    taken.append((hub.submit(signed, officer).status, signed))
                    node.report(sealed)
                except (OSError, ValueError):
                    taken.append((0, signed))
                    break
            process.kill()
            process.wait()
    with hub.serving():
        for number in range(len(sent)):
            eventually(lambda number=number: node.report(sent[number]).status == 200)
        for _, signed in taken:
            assert hub.submit(signed, officer).status in {200, 202}
        wanted = len(taken)
        assert eventually(lambda: published(hub) == wanted)
        assert rows(hub, batches) == len(sent) == rows(hub, counts)
        assert rows(hub, orders) == wanted
        assert rows(hub, segments) == hub.size


def published(hub):
    """Orders in the log, each as often as it stands there."""
    files = sorted(hub.world.feed.glob("log/*/*/*.zst"))[: hub.size]
    return sum(len(unpack(file.read_bytes()).acts) for file in files)


@pytest.mark.parametrize("kind", DATABASES)
def test_two_processes_on_one_address_lose_and_double_nothing(kind, tmp_path):
    hub = RunningHub(tmp_path / "two", database_url(kind, tmp_path), workers=2)
    with hub.serving():
        officer = hub.person("Officer", "officer")
        school = [hub.node(f"S{number}") for number in range(4)]
        listeners = [Listener(hub) for _ in range(6)]
        for listener in listeners:
            listener.event()
        for number in range(5):
            assert hub.submit(hub.order(f"w{number}.example.com"), officer).status == 202
        for node in school:
            sealed = node.batch()
            answers = [node.report(sealed).json for _ in range(4)]
            assert sum(each["taken"] for each in answers) == 1
        assert eventually(lambda: published(hub) == 5)
        for listener in listeners:
            while listener.event()[0] < hub.size:
                pass
            listener.close()
        assert rows(hub, batches) == 4 == rows(hub, counts)
        assert eventually(lambda: rows(hub, segments) == hub.size)
        assert rows(hub, receipts) == 0
