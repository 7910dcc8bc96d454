"""SMS: codes reach providers through the queue, whatever providers do, and show nowhere."""

import base64
import hmac
import logging
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import redis
from cryptography.fernet import Fernet
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.registry import FailedJobRegistry, ScheduledJobRegistry
from rq.scheduler import RQScheduler

from domain.store.settings import Settings, read_settings
from tests.keeper import ROOT
from tests.logs import Log
from tests.servers import wait_until
from tests.workers import gateways
from tests.workers.gateways import KEY, SECRET, TEMPLATE, TEMPLATE_ID, Behaviour, Gateway
from workers import providers, sms
from workers.group import worker_command
from workers.providers import CODES_QUEUE
from workers.senders import chosen_sender

PHONE: Final = "+989121234567"
CODE: Final = "738291"
SENDERS: Final = ("kavenegar", "smsir", "webhook")
SECRETS: Final = (CODE, "9121234567", KEY, "of%2Fthe", SECRET)
OTP_PEPPER: Final = "pepper for tests, longer than thirty-two"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A provider."""
    server = Gateway()
    yield server
    server.close()


@pytest.fixture
def valkey(valkey_url: str) -> Iterator[redis.Redis]:
    """A client of an empty Valkey."""
    with redis.Redis.from_url(valkey_url) as client:
        yield client


@pytest.fixture
def chosen(
    gateway: Gateway, valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Settings]:
    """Sets this process up for a sender: a job reads its settings from the environment."""

    def choose(sender: str, url: str | None = None) -> Settings:
        environ = environment(sender, url or gateway.url, valkey_url, str(tmp_path))
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return read_settings()

    monkeypatch.setattr(providers, "SILENCE_SECONDS", 0.4)
    monkeypatch.setattr(sms, "TRY_SECONDS", 1)
    return choose


def environment(sender: str, url: str, valkey_url: str, data_dir: str) -> dict[str, str]:
    """The settings of a service that sends by `sender`."""
    return {
        "DATA_DIR": data_dir,
        "REDIS_URL": valkey_url,
        "OTP_SENDER": sender,
        "OTP_PEPPER": OTP_PEPPER,
        "OTP_HOST": "app.example.ir",
        "KAVENEGAR_API_KEY": KEY,
        "KAVENEGAR_TEMPLATE": TEMPLATE,
        "KAVENEGAR_URL": url,
        "SMSIR_API_KEY": KEY,
        "SMSIR_TEMPLATE_ID": str(TEMPLATE_ID),
        "SMSIR_URL": f"{url}/",
        "OTP_WEBHOOK_URL": f"{url}/hook",
        "OTP_WEBHOOK_SECRET": SECRET,
    }


def work(valkey: redis.Redis) -> None:
    """Work until nothing is queued, pauses between tries left out; look for leaks each time."""
    queue = Queue(CODES_QUEUE, connection=valkey)
    assert_nothing_leaks(valkey)
    while True:
        SimpleWorker([queue], connection=valkey).work(burst=True, logging_level="DEBUG")
        assert_nothing_leaks(valkey)
        waiting = ScheduledJobRegistry(queue=queue)  # type: ignore[no-untyped-call]
        if not waiting.get_job_ids():
            return
        for job_id in waiting.get_job_ids():
            valkey.zadd(waiting.key, {job_id: 0})
        scheduler = RQScheduler([queue], connection=valkey)
        scheduler.prepare_registries([CODES_QUEUE])
        scheduler.enqueue_scheduled_jobs()  # type: ignore[no-untyped-call]


def everything_in(valkey: redis.Redis) -> bytes:
    """Every key and value, and what RQ packed into them."""
    read: dict[bytes, Callable[[bytes], Any]] = {
        b"string": valkey.get,
        b"hash": valkey.hgetall,
        b"list": lambda key: valkey.lrange(key, 0, -1),
        b"set": valkey.smembers,
        b"zset": lambda key: valkey.zrange(key, 0, -1),
        b"stream": valkey.xrange,
    }
    found = b""
    for key in valkey.scan_iter("*"):
        kind: Any = valkey.type(key)
        found += key + b"".join(unpacked(part) for part in parts(read[kind](key)))
    return found


def parts(value: Any) -> Iterator[bytes]:
    """The bytes in an answer of Redis."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        yield from parts([*value, *value.values()])
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from parts(item)


def unpacked(value: bytes) -> bytes:
    """A value, and what it is when it is compressed."""
    for unpack in (zlib.decompress, lambda packed: zlib.decompress(base64.b64decode(packed))):
        try:
            return value + unpack(value)
        except (ValueError, zlib.error):
            continue
    return value


def assert_nothing_leaks(valkey: redis.Redis) -> None:
    kept = everything_in(valkey)
    for secret in SECRETS:
        assert secret.encode() not in kept


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, logged: Log) -> Iterator[Log]:
    """What we logged. It must hold no secret in the end, nor what RQ said before masking."""
    with caplog.at_level(logging.DEBUG):
        yield logged
    for secret in SECRETS:
        assert secret not in caplog.text
        assert secret not in logged.getvalue()


def send(settings: Settings, valkey: redis.Redis) -> None:
    """Ask for a code to be sent, and work until it is over."""
    chosen_sender(settings, valkey)(PHONE, CODE)
    work(valkey)


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("sender", SENDERS)
def test_a_code_is_sent_once_and_nothing_stays(
    sender: str, chosen: Callable[..., Settings], gateway: Gateway, valkey: redis.Redis
) -> None:
    send(chosen(sender), valkey)
    assert len(gateway.received) == 1
    jobs = [key for key in valkey.scan_iter("rq:job*") if valkey.type(key) == b"hash"]
    assert jobs == []


def test_kavenegar_gets_a_lookup(
    chosen: Callable[..., Settings], gateway: Gateway, valkey: redis.Redis
) -> None:
    send(chosen("kavenegar"), valkey)
    (request,) = gateway.received
    assert request.path == "/v1/4b65792d-of%2Fthe%20provider/verify/lookup.json"
    assert gateways.form(request) == {
        "receptor": "09121234567",
        "token": CODE,
        "template": TEMPLATE,
    }


def test_smsir_gets_a_template_and_its_parameter(
    chosen: Callable[..., Settings], gateway: Gateway, valkey: redis.Redis
) -> None:
    send(chosen("smsir"), valkey)
    (request,) = gateway.received
    assert request.headers["X-Api-Key"] == KEY
    assert gateways.document(request) == {
        "mobile": "09121234567",
        "templateId": TEMPLATE_ID,
        "parameters": [{"name": "CODE", "value": CODE}],
    }


def test_the_webhook_gets_a_signed_text_that_browsers_understand(
    chosen: Callable[..., Settings], gateway: Gateway, valkey: redis.Redis
) -> None:
    send(chosen("webhook"), valkey)
    (request,) = gateway.received
    body = gateways.document(request)
    assert (body["phone"], body["code"]) == (PHONE, CODE)
    assert body["text"].splitlines()[-1] == f"@app.example.ir #{CODE}"
    at, digest = request.headers["Dakhl-Signature"].removeprefix("t=").split(",v1=")
    assert abs(int(at) - time.time()) < 30
    signed = f"{at}.".encode() + request.body
    assert digest == hmac.new(SECRET.encode(), signed, "sha256").hexdigest()
    assert request.headers["Dakhl-Message-Id"]


@pytest.mark.parametrize(
    ("phone", "dialled"), [("+989121234567", "09121234567"), ("+4915112345678", "004915112345678")]
)
def test_providers_get_numbers_as_people_dial_them(phone: str, dialled: str) -> None:
    assert providers.as_dialled(phone) == dialled


FAILING_FOR_NOW: Final[dict[str, Behaviour]] = {
    "a 500": gateways.writes(500, b"oops"),
    "a 503": gateways.says(503, {"return": {"status": 200}, "status": 1}),
    "a 429": gateways.writes(429, b""),
    "hangs up": gateways.hangs_up,
    "no HTTP": gateways.speaks_no_http,
    "silence": gateways.is_silent,
    "a slow drip": gateways.drips,
}
FAILING_BODIES: Final[dict[str, Behaviour]] = {
    "breaks off": gateways.breaks_off,
    "no JSON": gateways.writes(200, b"<html>" + CODE.encode()),
    "nothing": gateways.writes(200, b""),
    "a list": gateways.says(200, []),
    "another shape": gateways.says(200, {"return": {"status": "200"}, "status": "1"}),
    "nested": gateways.writes(200, b"[" * 60_000),
    "too long": gateways.writes(200, b" " * 200_000 + b'{"status": 1, "return": {"status": 200}}'),
    "try later": gateways.says(200, {"return": {"status": 409}, "status": 20}),
}
REFUSING: Final[dict[str, Behaviour]] = {
    "a 400": gateways.says(400, {"return": {"status": 200}, "status": 1}),
    "a 403": gateways.writes(403, KEY.encode()),
    "a redirect": gateways.redirects(302),
    "a redirect that keeps the body": gateways.redirects(307),
}
REFUSING_BODIES: Final[dict[str, Behaviour]] = {
    "no credit": gateways.says(200, {"return": {"status": 418}, "status": 102}),
}


@pytest.mark.slow
@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("sender", "behaviour"),
    [
        *((sender, name) for sender in SENDERS for name in FAILING_FOR_NOW),
        *((sender, name) for sender in SENDERS[:2] for name in FAILING_BODIES),
    ],
)
def test_a_provider_that_fails_is_asked_again_and_then_no_more(
    sender: str,
    behaviour: str,
    chosen: Callable[..., Settings],
    gateway: Gateway,
    valkey: redis.Redis,
) -> None:
    gateway.always = {**FAILING_FOR_NOW, **FAILING_BODIES}[behaviour]
    settings = chosen(sender)
    send(settings, valkey)
    assert len(gateway.received) == 1 + len(sms.BACK_OFF_SECONDS)
    failed = FailedJobRegistry(CODES_QUEUE, connection=valkey)
    (job_id,) = failed.get_job_ids()
    result = Job.fetch(job_id, connection=valkey).latest_result()
    assert result is not None
    assert result.exc_string
    for secret in SECRETS:
        assert secret not in result.exc_string
    for key in valkey.scan_iter(f"rq:*{job_id}*"):
        left: Any = valkey.ttl(key)
        assert 0 < left <= sms.USEFUL_SECONDS, key


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("sender", SENDERS)
def test_a_provider_that_is_away_is_asked_again(
    sender: str, chosen: Callable[..., Settings], gateway: Gateway, valkey: redis.Redis
) -> None:
    settings = chosen(sender, "http://127.0.0.1:1")
    chosen_sender(settings, valkey)(PHONE, CODE)
    SimpleWorker([CODES_QUEUE], connection=valkey).work(burst=True)
    assert_nothing_leaks(valkey)
    chosen(sender, gateway.url)
    work(valkey)
    assert len(gateway.received) == 1


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("sender", SENDERS)
def test_a_provider_that_recovers_is_asked_until_then(
    sender: str, chosen: Callable[..., Settings], gateway: Gateway, valkey: redis.Redis
) -> None:
    gateway.script = [gateways.hangs_up, gateways.writes(502, b"")]
    send(chosen(sender), valkey)
    assert len(gateway.received) == 3
    assert FailedJobRegistry(CODES_QUEUE, connection=valkey).get_job_ids() == []


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("sender", "behaviour"),
    [
        *((sender, name) for sender in SENDERS for name in REFUSING),
        *((sender, name) for sender in SENDERS[:2] for name in REFUSING_BODIES),
    ],
)
def test_a_provider_that_refuses_is_not_asked_again(
    sender: str,
    behaviour: str,
    chosen: Callable[..., Settings],
    gateway: Gateway,
    valkey: redis.Redis,
) -> None:
    gateway.always = {**REFUSING, **REFUSING_BODIES}[behaviour]
    send(chosen(sender), valkey)
    assert len(gateway.received) == 1


def test_a_wrong_key_is_refused_and_not_shown(
    chosen: Callable[..., Settings],
    gateway: Gateway,
    valkey: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    log: Log,
) -> None:
    chosen("kavenegar")
    monkeypatch.setenv("KAVENEGAR_API_KEY", "another-key\r\nof ours")
    send(read_settings(), valkey)
    assert len(gateway.received) == 1
    assert "HTTP 403" in log.getvalue()
    assert "another-key" not in log.getvalue()


def test_a_job_that_runs_twice_sends_once(
    chosen: Callable[..., Settings], gateway: Gateway, valkey: redis.Redis
) -> None:
    settings = chosen("kavenegar")
    token = sms.sealed(settings, PHONE, CODE)
    outcomes = [sms.deliver(settings, valkey, "the same", token) for _ in range(2)]
    assert outcomes == ["sent", "repeated"]
    assert len(gateway.received) == 1
    left: Any = valkey.ttl("sms:answered:the same")
    assert 0 < left <= 120


def test_a_code_that_is_about_to_expire_is_not_sent(
    chosen: Callable[..., Settings], gateway: Gateway, valkey: redis.Redis
) -> None:
    settings = chosen("webhook")
    made = int(time.time()) - sms.USEFUL_SECONDS - 1
    fernet: Fernet = sms._fernet(settings)
    late = fernet.encrypt_at_time(fernet.decrypt(sms.sealed(settings, PHONE, CODE)), made).decode()
    assert sms.deliver(settings, valkey, "late", late) == "late"
    assert sms.deliver(settings, valkey, "not ours", "gAAAAA") == "late"
    assert gateway.received == []


def test_the_tries_do_not_outlive_the_code() -> None:
    tries = len(sms.BACK_OFF_SECONDS) + 1
    assert sum(sms.BACK_OFF_SECONDS) + tries * sms.TRY_SECONDS < sms.USEFUL_SECONDS


def test_a_job_says_nothing_about_itself(
    chosen: Callable[..., Settings], valkey: redis.Redis
) -> None:
    chosen_sender(chosen("kavenegar"), valkey)(PHONE, CODE)
    (job,) = Queue(CODES_QUEUE, connection=valkey).jobs
    assert job.description == "send-code"
    assert (job.ttl, job.result_ttl, job.failure_ttl) == (110, 0, 60)
    (token,) = job.args
    assert sms.unsealed(read_settings(), token) == (PHONE, CODE)
    left: Any = valkey.ttl(job.key)
    assert 0 < left <= 110


@pytest.mark.slow
def test_a_real_worker_tries_again_by_itself(
    chosen: Callable[..., Settings], gateway: Gateway, valkey: redis.Redis, tmp_path: Path
) -> None:
    settings = chosen("kavenegar")
    gateway.script = [gateways.writes(500, b"")]
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "workers.tether", *worker_command(CODES_QUEUE)],
            cwd=ROOT,
            env={**os.environ, "RQ_REDIS_URL": settings.redis_url},
            stdout=output,
            stderr=output,
        )
    try:
        chosen_sender(settings, valkey)(PHONE, CODE)
        wait_until(lambda: len(gateway.received) == 2)
        wait_until(lambda: not list(valkey.scan_iter("rq:executions*")))
        assert_nothing_leaks(valkey)
    finally:
        worker.terminate()
        worker.wait(20)
    for secret in SECRETS:
        assert secret not in log.read_text()
    assert "HTTP 500" in log.read_text()


def test_another_pepper_opens_nothing(chosen: Callable[..., Settings], valkey: redis.Redis) -> None:
    token = sms.sealed(chosen("kavenegar"), PHONE, CODE)
    environ = environment("kavenegar", "http://127.0.0.1:1", "redis://x", "data")
    other = read_settings({**environ, "OTP_PEPPER": "another pepper, also long enough for us"})
    assert sms.unsealed(other, token) is None
