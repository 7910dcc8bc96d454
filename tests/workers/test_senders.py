"""Senders: a code reaches a person, and no log holds a whole number."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from domain.store.settings import read_settings
from workers.senders import chosen_sender, console, masked, outbox

PHONE = "+989121234567"
NOWHERE = redis.Redis(host="127.0.0.1", port=1)


def test_the_console_shows_the_code_and_masks_the_phone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console(PHONE, "012345")
    shown = capsys.readouterr().err
    assert "012345" in shown
    assert masked(PHONE) in shown
    assert PHONE not in shown


def test_a_masked_phone_keeps_its_ends() -> None:
    assert masked(PHONE) == "+98912***4567"


def test_the_outbox_gets_a_line_for_each_code(tmp_path: Path) -> None:
    send = outbox(tmp_path / "new" / "outbox.jsonl")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: send(PHONE, f"{number:06}"), range(100)))
    lines = (tmp_path / "new" / "outbox.jsonl").read_text().splitlines()
    sent = [json.loads(line) for line in lines]
    assert sorted(line["code"] for line in sent) == [f"{number:06}" for number in range(100)]
    assert sent[0].keys() == {"phone", "code"}


def test_the_settings_choose_the_sender(tmp_path: Path) -> None:
    environ = {"DATA_DIR": str(tmp_path), "OTP_SENDER": "outbox"}
    chosen_sender(read_settings(environ), NOWHERE)(PHONE, "123456")
    assert json.loads((tmp_path / "outbox.jsonl").read_text()) == {"phone": PHONE, "code": "123456"}
    assert chosen_sender(read_settings({"DATA_DIR": str(tmp_path)}), NOWHERE) is console
