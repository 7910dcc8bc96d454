"""Outbound: nothing is sent into our own network, and nobody holds us up."""

import gzip
import ipaddress
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from domain.web_addresses import Network
from tests.logs import Log
from tests.workers.receivers import (
    OK,
    Authority,
    Behaviour,
    Receiver,
    drips,
    hangs,
    resets,
    says,
    sends,
)
from workers.outbound import MOST_REDIRECTS, Answer, Outbound, Undelivered

HERE: tuple[Network, ...] = tuple(map(ipaddress.ip_network, ("127.0.0.0/8", "::1/128")))
BODY = b'{"type":"ping"}'


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs certificates."""
    return Authority(tmp_path_factory.mktemp("certificates"))


def post(url: str, outbound: Outbound | None = None) -> Answer:
    """Send to an address, loopback being allowed."""
    return (outbound or Outbound(HERE)).post(url, BODY, {"webhook-id": "1"})


def failure(url: str, outbound: Outbound | None = None) -> tuple[str, int | None]:
    """Why nothing was delivered."""
    with pytest.raises(Undelivered) as caught:
        post(url, outbound)
    assert caught.value.__cause__ is None
    return caught.value.code, caught.value.http_status


def test_a_message_arrives_as_it_is(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "http_proxy", "http://127.0.0.1:9")
    assert post(receiver.url("/a/b?c=%20d")).status == 200
    [taken] = receiver.taken
    assert (taken.target, taken.body) == ("/a/b?c=%20d", BODY)
    assert taken.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert taken.headers["webhook-id"] == "1"
    assert not {"cookie", "authorization"} & taken.headers.keys()


LEADS_HOME = [
    *("localhost", "127.0.0.1", "127.1", "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1"),
    *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]"),
]


@pytest.mark.parametrize("host", LEADS_HOME)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_way_of_writing_it_leads_to_ourselves(
    receiver: Receiver, host: str, scheme: str
) -> None:
    code, _ = failure(f"{scheme}://{host}:{receiver.port}/", Outbound())
    assert code == "address_refused"
    assert receiver.taken == []


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0.0.0.0"),
        *("127.0.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "192.0.0.1"),
        *("192.0.0.8", "192.0.0.100", "192.0.0.255", "3fff::1"),
        *("::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
        *("::ffff:8.8.8.8", "::ffff:10.0.0.1", "::7f00:1", "2002:7f00:1::", "2002:808:808::1"),
        *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2001::1", "100::1", "4000::1"),
    ],
)
def test_only_public_addresses_are_sent_to(address: str) -> None:
    outbound = Outbound((), lambda _host, _port: ["8.8.8.8", address])
    assert failure("https://example.ir/", outbound) == ("address_refused", None)


def test_what_was_looked_at_is_where_it_goes(receiver: Receiver) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    outbound = Outbound((ipaddress.ip_network("127.0.0.1/32"),), lambda _host, _port: next(answers))
    assert post(receiver.url(host="rebinding.example"), outbound).status == 200
    assert receiver.taken[0].headers["host"] == f"rebinding.example:{receiver.port}"
    assert failure(receiver.url(host="rebinding.example"), outbound)[0] == "address_refused"
    assert len(receiver.taken) == 1


def test_plain_http_stays_within_allowed_networks() -> None:
    outbound = Outbound(HERE, lambda _host, _port: ["8.8.8.8"])
    assert failure("http://example.ir/", outbound)[0] == "address_refused"


def test_names_that_lead_nowhere() -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(-2, "unknown")

    assert failure("https://nowhere.example/", Outbound(HERE, unknown))[0] == "dns_failed"
    assert failure("https://nowhere.example/", Outbound(HERE, lambda *_: []))[0] == (
        "address_refused"
    )


def test_the_next_address_is_tried(receiver: Receiver) -> None:
    outbound = Outbound(HERE, lambda _host, _port: ["127.0.0.9", "127.0.0.1"])
    assert post(receiver.url(host="two.example"), outbound).status == 200


def test_nobody_listens(receiver: Receiver) -> None:
    receiver.close()
    assert failure(receiver.url())[0] == "connect_failed"


ANSWERS: dict[str, tuple[Behaviour, str]] = {
    "resets": (resets, "connection_lost"),
    "says nothing": (lambda _taken, connection: connection.close(), "connection_lost"),
    "is no HTTP": (sends(b"220 smtp.example ready\r\n"), "bad_answer"),
    "is noise": (sends(bytes(range(128, 256)) * 9 + b"\r\n\r\n"), "bad_answer"),
    "has a line without end": (sends(b"HTTP/1.1 200 " + b"a" * 100_000), "bad_answer"),
    "has headers without end": (
        sends(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 5000),
        "bad_answer",
    ),
    "has a strange status": (sends(b"HTTP/1.1 99999 OK\r\n\r\n"), "bad_answer"),
}


@pytest.mark.parametrize(("behaviour", "code"), ANSWERS.values(), ids=ANSWERS)
def test_answers_that_are_none(receiver: Receiver, behaviour: Behaviour, code: str) -> None:
    receiver.always = behaviour
    assert failure(receiver.url()) == (code, None)


BOMB = gzip.compress(b"\0" * 50_000_000)
TAKEN: dict[str, Behaviour] = {
    "then closes": sends(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut"),
    "is huge": sends(b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 10_000_000),
    "is a bomb": says(200, "Content-Encoding: gzip", body=BOMB),
    "is in bad pieces": sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "has no body": says(204),
    "is old": sends(b"HTTP/1.0 201 Created\r\n\r\n"),
}


@pytest.mark.parametrize("behaviour", TAKEN.values(), ids=TAKEN)
def test_a_status_counts_whatever_the_body(receiver: Receiver, behaviour: Behaviour) -> None:
    receiver.always = behaviour
    started = time.monotonic()
    assert 200 <= post(receiver.url()).status < 300
    assert time.monotonic() - started < 5


@pytest.mark.slow
def test_whoever_is_slow_is_left_after_fifteen_seconds(receiver: Receiver) -> None:
    receiver.at = {
        "/hangs": hangs,
        "/headers": drips(b"HTTP/1.1 200 OK\r\nA: "),
        "/line": drips(b"HTTP/1.1 2"),
        "/body": drips(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"),
        "/continue": drips(b"HTTP/1.1 100 Continue\r\n\r\n"),
    }
    outbound = Outbound(HERE)

    def timed(path: str) -> tuple[str, float]:
        started = time.monotonic()
        try:
            code = str(post(receiver.url(path), outbound).status)
        except Undelivered as error:
            code = error.code
        return code, time.monotonic() - started

    with ThreadPoolExecutor(8) as pool:
        found = dict(zip(receiver.at, pool.map(timed, receiver.at), strict=True))
    assert {path: code for path, (code, _) in found.items()} == {
        **dict.fromkeys(receiver.at, "timeout"),
        "/body": "200",
    }
    assert 9 < found["/hangs"][1] < 13
    assert all(seconds < 17 for _, seconds in found.values())
    assert found["/body"][1] < 3, "its status was known"


@pytest.mark.slow
def test_a_resolver_that_hangs_is_left_behind() -> None:
    def hanging(_host: str, _port: int) -> list[str]:
        time.sleep(20)
        return []

    started = time.monotonic()
    assert failure("https://slow.example/", Outbound(HERE, hanging))[0] == "dns_failed"
    assert time.monotonic() - started < 8


@pytest.mark.parametrize("status", [307, 308])
def test_redirects_that_keep_the_method_are_followed(receiver: Receiver, status: int) -> None:
    receiver.at = {
        "/1": says(status, "Location: /2"),
        "/2": says(status, f"Location: {receiver.url('/3?x=1')}#part"),
        "/3": says(202),
    }
    assert post(receiver.url("/1")).status == 202
    assert [one.target for one in receiver.taken] == ["/1", "/2", "/3?x=1"]
    assert {one.body for one in receiver.taken} == {BODY}


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://10.0.0.1/", "address_refused"),
        ("https://169.254.169.254/latest/meta-data", "address_refused"),
        ("http://[::ffff:10.0.0.1]/", "address_refused"),
        ("file:///etc/passwd", "address_refused"),
        ("http://user:pass@127.0.0.1/", "address_refused"),
        ("//a\\b", "address_refused"),
    ],
)
def test_a_redirect_is_looked_at_like_any_address(
    receiver: Receiver, location: str, code: str
) -> None:
    receiver.always = says(307, f"Location: {location}")
    assert failure(receiver.url())[0] == code
    assert len(receiver.taken) == 1


def test_a_redirect_to_another_host_is_resolved_anew(receiver: Receiver) -> None:
    places = {"public.example": ["127.0.0.1"], "inside.example": ["10.1.2.3"]}
    outbound = Outbound(HERE, lambda host, _port: places[host])
    receiver.always = says(308, f"Location: {receiver.url(host='inside.example')}")
    assert failure(receiver.url(host="public.example"), outbound)[0] == "address_refused"


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304])
def test_other_redirects_are_failures(receiver: Receiver, status: int) -> None:
    receiver.always = says(status, "Location: /elsewhere")
    assert failure(receiver.url()) == ("redirect_refused", status)
    assert len(receiver.taken) == 1


def test_redirects_come_to_an_end(receiver: Receiver) -> None:
    receiver.always = says(307, "Location: /again")
    assert failure(receiver.url()) == ("too_many_redirects", 307)
    assert len(receiver.taken) == MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("9" * 400, 999_999_999.0),
        ("١٢", None),
    ],
)
def test_retry_after_is_read_as_the_standard_says(
    receiver: Receiver, said: str, seconds: float | None
) -> None:
    receiver.always = says(429, f"Retry-After: {said}")
    answer = post(receiver.url())
    assert (answer.status, answer.retry_after) == (429, seconds)


def test_a_good_certificate_is_for_the_name(authority: Authority) -> None:
    outbound = Outbound(HERE, lambda _host, _port: ["127.0.0.1"], authority.client())
    with closing(Receiver(tls=authority.server("hook.example", "127.0.0.1"))) as receiver:
        assert post(receiver.url(host="hook.example"), outbound).status == 200
        assert post(receiver.url(), outbound).status == 200
        assert failure(receiver.url(host="other.example"), outbound)[0] == "tls_failed"


@pytest.mark.parametrize("fault", ["expired", "self-signed", "wrong name", "no TLS"])
def test_bad_certificates_get_nothing(authority: Authority, tmp_path: Path, fault: str) -> None:
    shown = {
        "expired": authority.server("hook.example", days=-1),
        "self-signed": Authority(tmp_path).server("hook.example"),
        "wrong name": authority.server("example"),
        "no TLS": None,
    }[fault]
    outbound = Outbound(HERE, lambda _host, _port: ["127.0.0.1"], authority.client())
    with closing(Receiver(tls=shown, always=sends(OK))) as receiver:
        url = f"https://hook.example:{receiver.port}/"
        assert failure(url, outbound)[0] in ("tls_failed", "connection_lost")
        assert receiver.taken == []


def test_no_redirect_leaves_tls(authority: Authority, receiver: Receiver) -> None:
    outbound = Outbound(HERE, tls=authority.client())
    secure = Receiver(tls=authority.server("127.0.0.1"))
    secure.always = says(307, f"Location: {receiver.url()}")
    with closing(secure):
        assert failure(secure.url(), outbound) == ("redirect_refused", 307)
    assert receiver.taken == []


@pytest.mark.parametrize("line", [b"no header", b": nameless", b"a: b\r\n c: d\r\n: e"])
def test_bad_headers_put_no_address_into_the_log(
    receiver: Receiver, logged: Log, line: bytes
) -> None:
    receiver.always = sends(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n")
    assert post(receiver.url("/hook?token=hidden")).status == 200
    assert logged.lines() == []
