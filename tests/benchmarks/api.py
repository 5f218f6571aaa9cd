"""The API under load, against a bare route and against datasette.

    python -m tests.benchmarks.api --datasette /tmp/peer/bin/datasette [--large]

In one run, with the load generator ``wrk`` (Debian's package) on one core and the server on the
other, at 64 connections:

- ours: ``headbook serve``'s application on uvicorn, one process;
- bare: a Starlette route that returns a constant of the same size, on the same server;
- datasette on the same SQLite file: the row, the filtered list, and a full-text query.

Prints requests a second, median and p99 latency, and ratios; and the start-up of ``headbook serve``
until it answers, with its memory. ``--large`` repeats all of it with a generated catalog of 1,000
head types and 200,000 evidence rows. Nothing here is asserted: machines differ.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).parents[2]
CONNECTIONS = 64
ROUNDS = 5
STARTS = 9

BARE = """
import sys
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
import uvicorn
bodies = {{name: b"x" * size for name, size in {sizes!r}.items()}}
async def answer(request):
    return Response(bodies[request.path_params["name"]], media_type="application/json")
app = Starlette(routes=[Route("/constant/{{name}}", answer)])
uvicorn.run(app, port={port}, log_level="warning", server_header=False)
"""


@dataclass(frozen=True)
class Load:
    """What one address bore."""

    rate: float
    """Requests a second."""
    median: float
    """Milliseconds."""
    p99: float
    failed: int


@dataclass(frozen=True)
class Case:
    """One question, as each of the servers is asked it."""

    name: str
    ours: str
    datasette: str


def cases(head_type: str) -> list[Case]:
    """A single entry, a filtered list, a search."""
    return [
        Case(
            "head-types/{id}",
            f"/v1/head-types/{head_type}",
            f"/headbook/head_type/{head_type}.json",
        ),
        Case(
            "filtered list",
            "/v1/head-types?stage=latent-reasoning&sort=-year,name&per_page=20",
            "/headbook/head_type.json?stage__exact=latent-reasoning&_sort_desc=year&_size=20"
            "&_col=id&_col=summary",
        ),
        Case(
            "search",
            "/v1/search?q=induction&per_page=20",
            "/headbook.json?_size=20&sql=select+kind,id,name,snippet(search,-1,'[',']','...',24)"
            "+from+search+where+search+match+'induction'+order+by+bm25(search)+limit+20",
        ),
    ]


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(command: Sequence[str], address: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server, from when it answers."""
    process = subprocess.Popen(
        ["taskset", "-c", "0", *command],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait(address, process)
        yield process
    finally:
        process.kill()
        process.wait()


def wait(address: str, process: subprocess.Popen[bytes]) -> None:
    """Until something answers at an address.

    With the standard library's client: an httpx client takes 50 ms to be made, which would count.
    """
    where = urlsplit(address)
    for _ in range(6000):
        connection = http.client.HTTPConnection(where.netloc, timeout=60)
        try:
            connection.request("GET", where.path)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            if process.poll() is not None:
                raise SystemExit(f"{address}: the server ended") from None
            time.sleep(0.01)
        else:
            return
    raise SystemExit(f"{address} never answered")


def load(address: str, seconds: int) -> Load:
    """What an address bears, with wrk on the other core."""
    answer = httpx.get(address, timeout=60)
    if answer.status_code != 200:
        raise SystemExit(f"{address} answers {answer.status_code}: {answer.text[:300]}")
    out = subprocess.run(
        [
            "taskset",
            "-c",
            "1",
            "wrk",
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{seconds}s",
            "--latency",
            address,
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = dict(re.findall(r"^\s+(50|99)%\s+(\S+) *$", out, re.MULTILINE))
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    assert rate is not None
    return Load(float(rate[1]), _ms(found["50"]), _ms(found["99"]), int(failed[1]) if failed else 0)


def _ms(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def middle(loads: Sequence[Load]) -> Load:
    """The round in the middle, by requests a second."""
    return sorted(loads, key=lambda one: one.rate)[len(loads) // 2]


def start_up(database: Path) -> list[tuple[float, float, float]]:
    """Seconds until ``headbook serve`` answers, CPU seconds of it, peak memory in MB; fastest
    first.
    """
    found = []
    for _ in range(STARTS):
        port = free_port()
        program = "from catalog.commands.main import main; main()"
        began = time.perf_counter()
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                program,
                "serve",
                "--port",
                str(port),
                "--database",
                str(database),
            ],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        try:
            wait(f"http://127.0.0.1:{port}/v1/readyz", process)
            took = time.perf_counter() - began
            status = Path(f"/proc/{process.pid}/status").read_text()
            memory = re.search(r"VmHWM:\s+(\d+) kB", status)
            assert memory is not None
            ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            spent = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
            found.append((took, spent, int(memory[1]) / 1024))
        finally:
            process.kill()
            process.wait()
    return sorted(found)


def measure(database: Path, datasette: Path, seconds: int, head_type: str) -> None:
    """Print the table of one database."""
    starts = start_up(database)
    took, spent, memory = starts[len(starts) // 2]
    size = database.stat().st_size / 2**20
    print(
        f"\n{database.name}: {size:.1f} MB; start-up {took:.2f} s ({spent:.2f} s of CPU;"
        f" {starts[0][0]:.2f} to {starts[-1][0]:.2f} s in {STARTS}), {memory:.0f} MB"
    )
    ports = [free_port() for _ in range(3)]
    serve = "from catalog.commands.main import main; main()"
    ours = [
        sys.executable,
        "-c",
        serve,
        "serve",
        "--port",
        str(ports[0]),
        "--database",
        str(database),
    ]
    first = f"http://127.0.0.1:{ports[0]}"
    found: dict[tuple[str, str], Load] = {}
    sizes: dict[str, int] = {}
    plan = cases(head_type)
    with running(ours, f"{first}/v1/readyz"):
        for at, case in enumerate(plan):
            sizes[str(at)] = len(httpx.get(first + case.ours, timeout=60).content)
        bare = [sys.executable, "-c", BARE.format(sizes=sizes, port=ports[1])]
        with running(bare, f"http://127.0.0.1:{ports[1]}/constant/0"):
            for at, case in enumerate(plan):
                constant = f"http://127.0.0.1:{ports[1]}/constant/{at}"
                pairs = [
                    (load(constant, seconds), load(first + case.ours, seconds))
                    for _ in range(ROUNDS)  # in turns, so that both meet the same weather
                ]
                found[case.name, "bare"] = middle([pair[0] for pair in pairs])
                found[case.name, "ours"] = middle([pair[1] for pair in pairs])
    link = database.with_name("headbook.db")
    link.unlink(missing_ok=True)
    os.link(database, link)
    peer = [str(datasette), "serve", "-i", str(link), "-p", str(ports[2])]
    with running(peer, f"http://127.0.0.1:{ports[2]}/-/versions.json"):
        for case in plan:
            address = f"http://127.0.0.1:{ports[2]}{case.datasette}"
            found[case.name, "datasette"] = load(address, 2 * seconds)
    link.unlink()
    print(
        f"{'':18}{'bytes':>8}{'server':>11}{'requests/s':>12}{'median ms':>11}{'p99 ms':>9}  ratio"
    )
    for at, case in enumerate(plan):
        own = found[case.name, "ours"]
        for server in ("ours", "bare", "datasette"):
            one = found[case.name, server]
            ratio = (
                "" if server == "ours" else f"  ours is {own.rate / max(one.rate, 0.01):.2f} of it"
            )
            failed = f"  ({one.failed} failed)" if one.failed else ""
            print(
                f"{case.name:18}{sizes[str(at)]:>8}{server:>11}{one.rate:>12.0f}{one.median:>11.2f}"
                f"{one.p99:>9.2f}{ratio}{failed}"
            )


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--datasette", type=Path, required=True, help="the command of the peer")
    parser.add_argument("--seconds", type=int, default=2, help="for each round")
    parser.add_argument("--large", action="store_true", help="also with a generated catalog")
    chosen = parser.parse_args()
    from catalog.database import build
    from catalog.loading import load as read_entries

    with tempfile.TemporaryDirectory(prefix="headbook-benchmark-") as folder:
        database = Path(folder) / "shipped.sqlite"
        build(read_entries(), database)
        measure(database, chosen.datasette, chosen.seconds, "induction")
        if chosen.large:
            from tests.benchmarks.large_catalog import write_large

            large = Path(folder) / "large.sqlite"
            write_large(database, large)
            measure(large, chosen.datasette, chosen.seconds, "induction-7")


if __name__ == "__main__":
    main()
