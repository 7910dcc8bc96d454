"""Eight connections that ask as fast as they are answered: with wrk, or by ourselves."""

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

from tests.benchmarks.plan import Case, Plan, Request, Result

WRK: Final = shutil.which("wrk")
SCRIPT: Final = Path(__file__).with_name("wrk.lua").read_text()


def driver_name() -> str:
    """Which driver measures here."""
    return "wrk" if WRK else "Python threads (wrk is not installed)"


def measure(port: int, case: Case, plan: Plan) -> Result:
    """Ask for `plan.seconds`; AssertionError when anything but success is answered."""
    if WRK and plan.seconds >= 1:
        return _with_wrk(WRK, port, case, plan)
    return _by_ourselves(port, case, plan)


def headers_of(request: Request) -> dict[str, str]:
    """What a client would send. No `If-None-Match`: every answer is made in full."""
    headers = {"Accept": "application/json"}
    if request.token is not None:
        headers["Authorization"] = f"Bearer {request.token}"
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    return headers


def _with_wrk(wrk: str, port: int, case: Case, plan: Plan) -> Result:
    with TemporaryDirectory() as folder:
        script = Path(folder) / "script.lua"
        script.write_text(_lua(case) + SCRIPT)
        command = [wrk, "-t1", f"-c{plan.connections}", f"-d{plan.seconds:.0f}s", "-s", str(script)]
        told = subprocess.run(
            [*command, f"http://127.0.0.1:{port}"], check=True, capture_output=True, text=True
        ).stdout
    found = json.loads(told[told.index("MEASURED ") + len("MEASURED ") :])
    assert found["failed"] == 0, f"{case.name}: {found['failed']} requests failed\n{told}"
    per_second = found["requests"] / found["microseconds"] * 1e6
    return Result(per_second, found["p50"] / 1e3, found["p99"] / 1e3)


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


def _by_ourselves(port: int, case: Case, plan: Plan) -> Result:
    deadline = time.perf_counter() + plan.seconds
    started = time.perf_counter()
    with ThreadPoolExecutor(plan.connections) as pool:
        parts = [
            pool.submit(_one_connection, port, case, start, deadline)
            for start in range(plan.connections)
        ]
        seconds = sorted(taken for part in parts for taken in part.result())
    elapsed = time.perf_counter() - started
    hundredths = statistics.quantiles(seconds, n=100, method="inclusive")
    return Result(len(seconds) / elapsed, hundredths[49] * 1e3, hundredths[98] * 1e3)


def _one_connection(port: int, case: Case, start: int, deadline: float) -> list[float]:
    """The seconds that each answer took, at least two of them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    taken: list[float] = []
    for request in islice(cycle(case.requests), start, None):
        began = time.perf_counter()
        if began > deadline and len(taken) > 1:
            break
        _ask(connection, request, is_keyed=case.is_keyed)
        taken.append(time.perf_counter() - began)
    connection.close()
    return taken


def _ask(connection: http.client.HTTPConnection, request: Request, *, is_keyed: bool) -> None:
    headers = headers_of(request)
    if is_keyed:
        headers["Idempotency-Key"] = str(uuid4())
    body = None if request.body is None else request.body.encode()
    connection.request("GET" if body is None else "POST", request.path, body, headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status < 300, f"{request.path} answered {answer.status}"
