"""A load of HTTP through a proxy, a process of its own: `python -m bench.http.load '{...}'`.

Threads with blocking sockets, each with one request outstanding. Every answer is checked. It reads
the CPU of the proxy itself, at the first and the last moment of what it counts, and its own, by
which one sees whether it was the load that was slow.
"""

import json
import resource
import socket
import ssl
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.http.asking import connect, read_page, request, tunnel
from bench.http.places import PAGE


@dataclass(slots=True)
class Client:
    """One thread's. `took`: seconds of each request, in order; `wrong`: other answers, or none."""

    host: str
    took: list[float] = field(default_factory=list)
    wrong: int = 0
    fault: str = ""
    kept: socket.socket | None = None


class Load:
    """Clients of one proxy. `plan`: origin (its port), tls, keep, source, names, clients, body
    (bytes); `target`: name, port, pids, trust (file of the authority that clients trust, for TLS).
    Connections that are kept are kept from one slice to the next.
    """

    def __init__(self, plan: Mapping[str, Any], target: Mapping[str, Any]) -> None:
        self._plan = plan
        self._port, self._pids = target["port"], target["pids"]
        self._stop = threading.Event()
        self._context: ssl.SSLContext | None = None
        if plan["tls"]:
            self._context = ssl.create_default_context(cafile=target["trust"])
        hosts = [plan["names"][at % len(plan["names"])] for at in range(plan["clients"])]
        self.clients = [Client(host) for host in hosts]

    def slice(self, warm: float, seconds: float) -> dict[str, Any]:
        """Ask for so long after a while that is not counted; what was counted."""
        self._stop.clear()
        for each in self.clients:
            each.took.clear()
        threads = [threading.Thread(target=self._ask, args=(each,)) for each in self.clients]
        for thread in threads:
            thread.start()
        time.sleep(warm)
        first, began = self._moment()
        time.sleep(seconds)
        last, ended = self._moment()
        self._stop.set()
        for thread in threads:
            thread.join()
        spans = zip(self.clients, began, ended, strict=True)
        took = sorted(one for each, low, high in spans for one in each.took[low:high])
        passed, used, mine = (after - before for after, before in zip(last, first, strict=True))
        count = len(took)
        return {
            "requests": count,
            "rps": count / passed,
            "cpu_ms": 1000 * used / max(count, 1),
            "busy": used / passed,
            "load_busy": mine / passed,
            "p50_ms": 1000 * took[count // 2] if count else None,
            "p95_ms": 1000 * took[count * 95 // 100] if count else None,
            "wrong": sum(each.wrong for each in self.clients),
            "fault": next((each.fault for each in self.clients if each.fault), ""),
        }

    def _moment(self) -> tuple[tuple[float, float, float], list[int]]:
        """The time, the proxy's CPU and our own by now, and how much was answered."""
        done = [len(each.took) for each in self.clients]
        return (time.monotonic(), cpu(self._pids), own()), done

    def _ask(self, client: Client) -> None:
        connection, client.kept = client.kept, None
        keep, port = self._plan["keep"], self._plan["origin"]
        target = PAGE if self._context else f"http://{client.host}:{port}{PAGE}"
        words = request(target, client.host, port, keep=keep)
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                if connection is None:
                    connection = self._connect(client)
                connection.sendall(words)
                read_page(connection, self._plan["body"])
            except (OSError, ValueError) as error:
                client.wrong += 1
                client.fault = client.fault or f"{type(error).__name__}: {error}"
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.02)
                continue
            client.took.append(time.monotonic() - began)
            if not keep:
                connection.close()
                connection = None
        client.kept = connection

    def _connect(self, client: Client) -> socket.socket:
        """Return a connection that asks for pages of the client's host."""
        raw = connect(self._port, self._plan["source"])
        if self._context is None:
            return raw
        try:
            tunnel(raw, client.host, self._plan["origin"])
            return self._context.wrap_socket(raw, server_hostname=client.host)
        except BaseException:
            raw.close()
            raise


def cpu(pids: list[int]) -> float:
    """Return the CPU seconds of processes with all threads that they have (none of them ends)."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total / 1e9


def own() -> float:
    """Return the CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(plan: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Ask the proxies in turn, `slices` times, begun by another one each time."""
    loads = {each["name"]: Load(plan, each) for each in plan["targets"]}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in loads}
    for number in range(plan["slices"]):
        names = list(loads)
        turned = number % len(names)
        for name in names[turned:] + names[:turned]:
            found[name].append(loads[name].slice(plan["warm"], plan["seconds"]))
    return found


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
