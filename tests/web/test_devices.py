"""Devices: named by whoever signs in, or shortly after their program."""

import pytest
from flask import Flask

from tests.web.people import Outbox, bearer
from web.devices import device_name

CHROME = "(KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            f"Mozilla/5.0 (Linux; Android 15; Pixel) AppleWebKit/537.36 {CHROME}",
            "Chrome · Android",
        ),
        (f"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 {CHROME} Edg/140.0", "Edge · Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15"
            " (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
            "Safari · iPhone",
        ),
        (
            "Mozilla/5.0 (X11; Linux; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox · Linux",
        ),
        ("okhttp/5.1.0", "okhttp"),
        ("Dakhl/2.0 (Android 15)", "Dakhl · Android"),
        ("python-requests/2.34", "python-requests"),
        ("Mozilla/5.0", None),
        ("", None),
        ("\x00\ud800<script>", None),
        ("a" * 5000, "a" * 60),
    ],
)
def test_a_program_gives_a_short_name(user_agent: str, name: str | None) -> None:
    assert device_name(user_agent) == name


@pytest.mark.parametrize(("said", "shown"), [("گوشی مریم", "گوشی مریم"), (None, "okhttp")])
def test_a_name_that_is_said_comes_first(
    app: Flask, outbox: Outbox, said: str | None, shown: str
) -> None:
    client = app.test_client()
    body = {**outbox.ask_for_code(app, "09121234567"), "device": said}
    headers = {"User-Agent": "okhttp/5.1.0"}
    tokens = client.post("/v1/auth/token", json=body, headers=headers).get_json()
    page = client.get("/v1/auth/sessions", headers=bearer(tokens["access_token"])).get_json()
    assert [item["device"] for item in page["items"]] == [shown]
