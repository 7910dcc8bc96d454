"""Texts: a notice reaches a phone by SMS, once where the provider can tell, and shows nowhere."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
import redis
from rq import Queue, SimpleWorker

from domain.store import notices, tallies
from domain.store.accounts import Account, add_account
from domain.store.database import Database
from domain.store.ledgers import utc_now
from domain.store.notices import KINDS, Channels, Wishes
from domain.store.queue import MESSAGES_QUEUE, Task, enqueue
from domain.store.sentences import Language
from domain.store.settings import Settings, read_settings
from tests.books import Book
from tests.logs import Log
from tests.servers import flush
from tests.workers.gateways import KEY, Gateway, document, form, says
from tests.workers.test_sms import environment, everything_in
from workers import texts
from workers.providers import Unavailable
from workers.sweep import YOUNG, sweep

PHONE: Final = "+989121234567"
DATA: Final = {"device": "گوشی دایی"}
SAID: Final = "گوشی دایی"
LINE: Final = 30007732


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


Choose = Callable[..., Settings]


@pytest.fixture
def chosen(
    gateway: Gateway,
    database_url: str,
    valkey_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Choose:
    """Sets this process up for a sender: a job reads its settings from the environment."""

    def choose(sender: str, **more: str) -> Settings:
        environ = environment(sender, gateway.url, valkey_url, str(tmp_path))
        environ |= {"DATABASE_URL": database_url, "SMSIR_LINE_NUMBER": str(LINE), **more}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return read_settings()

    return choose


@pytest.fixture
def book(database: Database) -> Book:
    """The ledger of somebody who wishes for texts."""
    book = Book(database)
    account = Account(book.account_id, PHONE, "person", book.ledger_id, utc_now())
    assert database.write(lambda c: add_account(c, account))
    wish(book, "fa")
    return book


def wish(book: Book, language: Language) -> None:
    """Wish for texts of every kind, in a language."""
    wishes = Wishes(language, {kind: Channels(sms=True) for kind in KINDS})
    book.database.write(lambda c: notices.keep_wishes(c, book.ledger_id, wishes))


def tell(book: Book, key: str = "one", age: dt.timedelta = dt.timedelta()) -> Task:
    """Tell the person something."""
    now = utc_now() - age
    [task] = book.database.write(
        lambda c: notices.tell(c, book.ledger_id, "sign_in", key, DATA, now)
    )
    return task


def work(valkey: redis.Redis, *tasks: Task) -> None:
    """Do tasks, and all that is queued."""
    for task in tasks:
        enqueue(valkey, task)
    for secret in (PHONE[3:], SAID):
        assert secret.encode() not in everything_in(valkey)
    queue = Queue(MESSAGES_QUEUE, connection=valkey)
    SimpleWorker([queue], connection=valkey).work(burst=True)


def outcomes(valkey: redis.Redis) -> dict[tuple[str, ...], int]:
    """How often what came of a text."""
    return {tuple(labels): number for labels, number in tallies.counted(valkey, "texts")}


def test_each_provider_takes_a_text(
    chosen: Choose, gateway: Gateway, valkey: redis.Redis, book: Book
) -> None:
    for sender in ("kavenegar", "smsir", "webhook"):
        gateway.script = [says(200, {"return": {"status": 200}, "status": 1})]
        chosen(sender, KAVENEGAR_SENDER="2000")
        work(valkey, tell(book, sender))
    by_kavenegar, by_smsir, by_webhook = gateway.received
    fields = form(by_kavenegar)
    assert by_kavenegar.path.endswith("/sms/send.json")
    assert (fields["receptor"], fields["sender"]) == ("09121234567", "2000")
    assert 0 < int(fields["localid"]) < 2**63
    assert fields["message"].splitlines()[0] == "دخل و خرج"
    assert SAID in fields["message"]
    assert (by_smsir.path, by_smsir.headers["X-Api-Key"]) == ("/v1/send/bulk", KEY)
    assert document(by_smsir) == {
        "lineNumber": LINE,
        "messageText": fields["message"],
        "mobiles": ["09121234567"],
    }
    assert document(by_webhook) == {"phone": PHONE, "text": fields["message"]}
    assert {"Dakhl-Signature", "Dakhl-Message-Id"} <= by_webhook.headers.keys()
    assert set(outcomes(valkey).values()) == {1}


def test_what_was_sent_is_not_sent_again(
    chosen: Choose, gateway: Gateway, valkey: redis.Redis, book: Book
) -> None:
    chosen("webhook")
    task = tell(book)
    work(valkey, task)
    work(valkey, task)
    assert len(gateway.received) == 1
    assert sweep(book.database, valkey, utc_now() + YOUNG + YOUNG) == 0


def test_who_dies_before_noting_it_names_it_alike_again(
    chosen: Choose,
    gateway: Gateway,
    valkey: redis.Redis,
    book: Book,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def dies(*_args: object) -> None:
        raise KeyboardInterrupt

    settings, task = chosen("webhook"), tell(book)
    ledger_id, notice_id = book.ledger_id, UUID(task.arguments[1])
    with monkeypatch.context() as patch:
        patch.setattr(texts, "settle_text", dies)
        with pytest.raises(KeyboardInterrupt):
            texts.send(settings, book.database, valkey, ledger_id, notice_id)
    work(valkey, task)
    first, second = gateway.received
    assert first.headers["Dakhl-Message-Id"] == second.headers["Dakhl-Message-Id"] == str(notice_id)


def test_a_provider_that_is_away_is_asked_again(
    chosen: Choose, gateway: Gateway, valkey: redis.Redis, book: Book, logged: Log
) -> None:
    settings, task = chosen("webhook"), tell(book)
    gateway.script = [says(503, {})]
    ledger_id, notice_id = book.ledger_id, UUID(task.arguments[1])
    with pytest.raises(Unavailable):
        texts.send(settings, book.database, valkey, ledger_id, notice_id)
    texts.send(settings, book.database, valkey, ledger_id, notice_id)
    assert outcomes(valkey) == {("webhook", "unavailable"): 1, ("webhook", "sent"): 1}
    lines = logged.lines()
    assert [line["outcome"] for line in lines if line["event"] == "text"] == ["unavailable", "sent"]
    assert PHONE[3:] not in str(lines)
    assert SAID not in str(lines)


def test_a_provider_that_refuses_is_not_asked_again(
    chosen: Choose, gateway: Gateway, valkey: redis.Redis, book: Book
) -> None:
    chosen("webhook")
    gateway.script = [says(400, {})]
    task = tell(book)
    work(valkey, task)
    work(valkey, task)
    assert len(gateway.received) == 1
    chosen("smsir", SMSIR_LINE_NUMBER="")
    work(valkey, tell(book, "without a line"))
    assert outcomes(valkey) == {("webhook", "refused"): 1, ("smsir", "refused"): 1}


def test_redis_may_forget_a_text(
    chosen: Choose, valkey: redis.Redis, valkey_url: str, book: Book, tmp_path: Path
) -> None:
    settings = chosen("outbox")
    enqueue(valkey, tell(book))
    flush(valkey_url)
    assert sweep(book.database, valkey, utc_now() + YOUNG + YOUNG) == 1
    work(valkey)
    [line] = settings.otp_outbox.read_text().splitlines()
    sent = json.loads(line)
    assert sent.keys() == {"phone", "text"}
    assert (sent["phone"], SAID in sent["text"]) == (PHONE, True)


def test_the_console_shows_the_text_and_masks_the_phone(
    chosen: Choose, valkey: redis.Redis, book: Book, capsys: pytest.CaptureFixture[str]
) -> None:
    wish(book, "en")
    settings, task = chosen("console"), tell(book)
    texts.send(settings, book.database, valkey, book.ledger_id, UUID(task.arguments[1]))
    shown = capsys.readouterr().err
    assert "Sign-in from a new device" in shown
    assert "+98912***4567" in shown
    assert PHONE not in shown


def test_no_text_is_late_and_none_too_much(
    chosen: Choose, gateway: Gateway, valkey: redis.Redis, book: Book
) -> None:
    chosen("webhook")
    work(valkey, tell(book, "late", texts.LATE + dt.timedelta(minutes=1)))
    assert gateway.received == []
    tasks = [tell(book, str(number)) for number in range(texts.MOST_A_DAY + 2)]
    work(valkey, *tasks)
    assert len(gateway.received) == texts.MOST_A_DAY
    assert outcomes(valkey) == {
        ("webhook", "late"): 1,
        ("webhook", "sent"): texts.MOST_A_DAY,
        ("webhook", "too_many"): 2,
    }


def test_nobody_writes_more_into_a_text_than_a_name(
    chosen: Choose,
    gateway: Gateway,
    valkey: redis.Redis,
    book: Book,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen("webhook")
    device = "می\u200cشود\r\n\u2028بانک \u202e\u2067\x1b[2J" + "دراز" * 20
    monkeypatch.setitem(DATA, "device", device)
    work(valkey, tell(book))
    [received] = gateway.received
    lines = document(received)["text"].split("\n")
    assert len(lines) == 3
    name = lines[2].removeprefix("با ").partition(" به حساب")[0]
    assert name == ("می\u200cشود بانک [2J" + "دراز" * 20)[:39] + "…"
