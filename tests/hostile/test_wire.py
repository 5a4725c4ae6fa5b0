"""What no framework sees: requests by bare sockets against a live portal. It answers, or hangs up, and stays well."""

import gzip
import socket
import time

import pytest

from tests.portal import Portal
from tests.security.world import app_of, build_world

RECORDS = "/api/v1/me/records"


def ask(portal: Portal, raw: bytes, *, seconds: float = 60) -> bytes:
    """Everything that comes back until the portal hangs up; empty when it said nothing."""
    with socket.create_connection(("127.0.0.1", portal.port), timeout=seconds) as connection:
        try:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b""))
        except (ConnectionError, TimeoutError):
            return b""


def request(line: str, *headers: str, body: bytes = b"", length: int | None = None) -> bytes:
    told = [line, "Host: 127.0.0.1", "Connection: close", *headers]
    if body or length is not None:
        told.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*told, "", ""]).encode("latin-1") + body


@pytest.fixture
def rows(own_database: str) -> object:
    from behaviors.models import BehaviorRecord

    return BehaviorRecord.objects


def test_the_wire(portal_processes: Portal, rows: object) -> None:
    world = build_world()
    portal = portal_processes
    portal.start_web()
    token = str(app_of(world.cast.alice).defaults["HTTP_AUTHORIZATION"])
    write = (f"Authorization: {token}", "Content-Type: application/json", "Idempotency-Key: wire")
    good = b'{"activity": "metro_trip", "region": "440106", "inputs": {"distance": "1.5"}, "started_at": "2026-11-20T08:00:00+08:00", "ended_at": "2026-11-20T08:30:00+08:00"}'
    before = rows.count()  # type: ignore[attr-defined]
    cases = {
        "a header of 100 KB": request("GET / HTTP/1.1", "X-Long: " + "x" * 100_000),
        "a thousand headers": request("GET / HTTP/1.1", *(f"X-{n}: 1" for n in range(1_000))),
        "a cookie of 7 KB": request("GET / HTTP/1.1", "Cookie: session=" + "x" * 7_000),
        "a thousand cookies": request("GET / HTTP/1.1", "Cookie: " + "; ".join(f"c{n}=1" for n in range(700))),
        "an address of 100 KB": request("GET /?" + "x" * 100_000 + " HTTP/1.1"),
        "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
        "HTTP/0.9": b"GET /\r\n",
        "HTTP/3.7": request("GET / HTTP/3.7"),
        "an unknown method": request("BREW / HTTP/1.1"),
        "TRACE": request("TRACE / HTTP/1.1", "Cookie: session=secret"),
        "CONNECT": request("CONNECT 127.0.0.1:22 HTTP/1.1"),
        "a foreign host": request("GET / HTTP/1.1").replace(b"Host: 127.0.0.1", b"Host: evil.example"),
        "two hosts": request("GET / HTTP/1.1", "Host: evil.example"),
        "NUL in a header": request("GET / HTTP/1.1", "X-Nul: a\x00b"),
        "a space before the colon": request("GET / HTTP/1.1", "X-Space : 1"),
        "a folded header": request("GET / HTTP/1.1", "X-Folded: a\r\n b"),
        "two lengths": request(f"POST {RECORDS} HTTP/1.1", *write, "Content-Length: 3", body=good),
        "a negative length": request(f"POST {RECORDS} HTTP/1.1", *write, length=-1),
        "a length of letters": request(f"POST {RECORDS} HTTP/1.1", *write, "Content-Length: abc"),
        "a length and chunks": request(f"POST {RECORDS} HTTP/1.1", *write, "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + good),
        "an odd encoding": request(f"POST {RECORDS} HTTP/1.1", *write, "Transfer-Encoding: xchunked", body=good),
        "a bad chunk": request(f"POST {RECORDS} HTTP/1.1", *write, "Transfer-Encoding: chunked") + b"zz\r\n" + good,
        "half a body": request(f"POST {RECORDS} HTTP/1.1", *write, body=good[:40], length=len(good)),
        "no body": request(f"POST {RECORDS} HTTP/1.1", *write, length=len(good)),
        "gzip": request(f"POST {RECORDS} HTTP/1.1", *write, "Content-Encoding: gzip", body=gzip.compress(good)),
        "9 MB": request(f"POST {RECORDS} HTTP/1.1", *write, body=b'{"note": "' + b"x" * 9_000_000),
        "a promise of a terabyte": request(f"POST {RECORDS} HTTP/1.1", *write, body=good, length=2**40),
        "chunks of 9 MB": request(f"POST {RECORDS} HTTP/1.1", *write, "Transfer-Encoding: chunked")
        + b"".join(b"10000\r\n" + b"x" * 65_536 + b"\r\n" for _ in range(140)) + b"0\r\n\r\n",
        "a field of 3 MB in a form": request("POST /preferences/size HTTP/1.1", "Content-Type: application/x-www-form-urlencoded",
                                              body=b"size=" + b"x" * 3_000_000),
    }  # fmt: skip
    bad = []
    for name, raw in cases.items():
        status = ask(portal, raw)[9:12]
        # 200 is an answer to what was merely long; hanging up without a word is one to what was not HTTP.
        if status[:1] not in (b"4", b"2", b"") and status not in (b"501", b"505"):
            bad.append((name, status))
    assert not bad
    assert rows.count() == before  # type: ignore[attr-defined]
    _slow(portal, token, good)
    assert rows.count() == before  # type: ignore[attr-defined]
    answer = ask(portal, request(f"POST {RECORDS} HTTP/1.1", *write, body=good))
    assert answer[9:12] == b"201", answer[:300]


def _slow(portal: Portal, token: str, good: bytes) -> None:
    """Half the threads wait for bodies that never end; the others still answer."""
    head = request(f"POST {RECORDS} HTTP/1.1", f"Authorization: {token}", "Idempotency-Key: slow", "Content-Type: application/json",
                   length=len(good))  # fmt: skip
    held = [socket.create_connection(("127.0.0.1", portal.port), timeout=60) for _ in range(4)]
    try:
        for connection in held:
            connection.sendall(head + good[:10])
        time.sleep(0.5)
        for _ in range(5):
            assert portal.status("/healthz") == 200
        for connection in held:
            connection.sendall(good[10:12])
    finally:
        for connection in held:
            connection.close()
    assert portal.status("/healthz") == 200
