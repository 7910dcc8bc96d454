"""Connections that ask as fast as they are answered: with wrk, or by ourselves."""

import http.client
import json
import shutil
import statistics
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import uuid4

from tests.benchmarks.plan import Case, Request, Result

WRK: Final = shutil.which("wrk")
SCRIPT: Final = Path(__file__).with_name("wrk.lua").read_text()
TIMEOUT_SECONDS: Final = 60


def driver_name() -> str:
    """Which driver measures here."""
    return "wrk, one thread" if WRK else "Python threads (wrk is not installed)"


def measure(port: int, case: Case, connections: int, seconds: float) -> Result:
    """Ask so long; AssertionError when the first answer, asked for alone, is not a good one.

    Batches are asked for by ourselves: wrk would throw away what is under way at the end, which
    of such long answers is much.
    """
    status = _alone(port, case)
    assert status == case.status, f"{case.name}: {case.requests[0].path} answered {status}"
    if WRK and seconds >= 1 and case.entries <= 1:
        return _with_wrk(WRK, port, case, connections, seconds)
    return _by_ourselves(port, case, connections, seconds)


def method_of(request: Request) -> str:
    """GET, or POST when there is something to send."""
    return "GET" if request.body is None else "POST"


def headers_of(request: Request) -> dict[str, str]:
    """What a client would send."""
    headers = {"Accept": "application/json"}
    if request.token is not None:
        headers["Authorization"] = f"Bearer {request.token}"
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    if request.known_tag is not None:
        headers["If-None-Match"] = request.known_tag
    return headers


def _with_wrk(wrk: str, port: int, case: Case, connections: int, seconds: float) -> Result:
    with TemporaryDirectory() as folder:
        script = Path(folder) / "script.lua"
        script.write_text(_lua(case) + SCRIPT)
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "-s", str(script)]
        told = subprocess.run(
            [*command, f"--timeout={TIMEOUT_SECONDS}s", f"http://127.0.0.1:{port}"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    found = json.loads(told[told.index("MEASURED ") + len("MEASURED ") :])
    good = found["answers"] - found["refused"]
    return Result(
        good / found["microseconds"] * 1e6,
        found["mean"] / 1e3,
        found["p50"] / 1e3,
        found["p99"] / 1e3,
        good,
        found["refused"] + found["lost"],
    )


def _lua(case: Case) -> str:
    prefix = f"{uuid4()}-" if case.is_keyed else ""
    lines = [
        f"  {{ {_quoted(request.path)}, {_lua_table(headers_of(request))}, "
        f"{'nil' if request.body is None else _quoted(request.body)} }},\n"
        for request in case.requests
    ]
    return f"local key_prefix = {_quoted(prefix)}\nlocal asked = {{\n{''.join(lines)}}}\n"


def _lua_table(headers: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"[ {_quoted(k)} ] = {_quoted(v)}" for k, v in headers.items()) + " }"


def _quoted(text: str) -> str:
    return f"[==[{text}]==]"


def _by_ourselves(port: int, case: Case, connections: int, seconds: float) -> Result:
    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        parts = [
            pool.submit(_one_connection, port, case, start, started + seconds)
            for start in range(connections)
        ]
        answers = [answer for part in parts for answer in part.result()]
    elapsed = time.perf_counter() - started
    good = [taken for taken, is_good in answers if is_good]
    # Of one answer there is no hundredth part.
    hundredths = statistics.quantiles(good * 2 or [0, 0], n=100, method="inclusive")
    return Result(
        len(good) / elapsed,
        statistics.fmean(good or [0]) * 1e3,
        hundredths[49] * 1e3,
        hundredths[98] * 1e3,
        len(good),
        len(answers) - len(good),
    )


def _one_connection(port: int, case: Case, start: int, deadline: float) -> list[tuple[float, bool]]:
    """The seconds that each answer took, and whether it was a good one; at least one of them."""
    connection = _connected(port)
    taken: list[tuple[float, bool]] = []
    for request in islice(cycle(case.requests), start, None):
        began = time.perf_counter()
        if began > deadline and taken:
            break
        try:
            is_good = _ask(connection, request, is_keyed=case.is_keyed) < 400
        except (OSError, http.client.HTTPException):
            is_good = False
            connection.close()  # the next request opens it again
        taken.append((time.perf_counter() - began, is_good))
    connection.close()
    return taken


def _alone(port: int, case: Case) -> int:
    connection = _connected(port)
    status = _ask(connection, case.requests[0], is_keyed=case.is_keyed)
    connection.close()
    return status


def _connected(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)


def _ask(connection: http.client.HTTPConnection, request: Request, *, is_keyed: bool) -> int:
    headers = headers_of(request)
    if is_keyed:
        headers["Idempotency-Key"] = str(uuid4())
    body = None if request.body is None else request.body.encode()
    connection.request(method_of(request), request.path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status
