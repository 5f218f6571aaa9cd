"""A real server on a real port: ``headbook serve`` as a person runs it."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.served import address_of, start


@pytest.fixture
def server(file: Path) -> Iterator[subprocess.Popen[str]]:
    process = start("--port", "0", "--database", str(file))
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def lasting_address(file: Path) -> Iterator[str]:
    """The address of one server for many requests."""
    process = start("--port", "0", "--database", str(file))
    yield address_of(process)
    process.kill()
    process.communicate()


def test_prints_its_address_answers_and_stops_cleanly(server: subprocess.Popen[str]) -> None:
    address = address_of(server)
    head = httpx.get(f"{address}/v1/models/gpt2/heads/9.9", timeout=20)
    assert [claim["id"] for claim in head.json()["claim_results"]] == ["name-mover/1"]
    assert httpx.get(f"{address}/v1/models/gpt2/heads/12.0").status_code == 404
    gone = httpx.get(f"{address}/v1/evidence/..%2f..%2fx")
    assert gone.headers["content-type"] == "application/problem+json"
    server.send_signal(signal.SIGINT)
    out, errors = server.communicate(timeout=20)
    assert (server.returncode, out, errors) == (0, "", "")


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /v1/../../etc/passwd HTTP/1.1",
        b"GET /v1/models/\xff\xfe HTTP/1.1",
        b"GET //v1//head-types HTTP/1.1",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1",
        b"GET /v1/models/%00 HTTP/1.1",
        b"NONSENSE",
        b"GET http://elsewhere.example/v1/nothing HTTP/1.1",
    ],
)
def test_raw_bytes_never_break_the_server(lasting_address: str, request_line: bytes) -> None:
    host, port = lasting_address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as raw:
        raw.sendall(request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        try:
            answer = raw.recv(100)
        except ConnectionResetError:
            answer = b""
    assert not answer or answer.startswith(b"HTTP/1.1 4"), answer
    assert httpx.get(f"{lasting_address}/v1/healthz").status_code == 200


def test_port_that_is_taken(file: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = start("--port", str(port), "--database", str(file))
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert f"port {port} is taken" in errors
    assert "--port 0" in errors
    assert "Traceback" not in errors


def test_without_a_database(tmp_path: Path) -> None:
    process = start("--port", "0", "--database", str(tmp_path / "none.sqlite"))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "run: headbook db" in errors
    assert "Traceback" not in errors


def test_site_that_was_not_built(file: Path, tmp_path: Path) -> None:
    process = start("--port", "0", "--database", str(file), "--site", str(tmp_path))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "run: headbook site" in errors


def test_host_that_is_none(file: Path) -> None:
    process = start("--port", "0", "--database", str(file), "--host", "no such host")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "no address of this machine" in errors
    assert "Traceback" not in errors


def test_site_is_served(file: Path, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>home</p>", encoding="utf-8")
    process = start("--port", "0", "--database", str(file), "--site", str(tmp_path))
    try:
        address = address_of(process)
        assert httpx.get(address, timeout=20).text == "<p>home</p>"
        assert httpx.get(f"{address}/v1/healthz").json()["status"] == "ok"
    finally:
        process.kill()
        process.communicate()
