"""Sessions: tokens that pass, tokens that do not, and devices signed out."""

import base64
import datetime as dt
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import jwt
import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from domain.store import accounts
from domain.store.database import Database
from domain.store.settings import Settings
from tests.web.people import Person, bearer
from web.auth import key_id

SignIn = Callable[..., Person]


def problem(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.get_json()["code"]


def part(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def signed(claims: dict[str, Any], key: str) -> str:
    """A token as the service makes it."""
    return jwt.encode(claims, key, algorithm="HS256", headers={"kid": key_id(key)})


def grow_old(database: Database, seconds: int) -> None:
    """Let every rotation have happened earlier."""
    with database.reading() as connection:
        rows = connection.all("SELECT id, rotated_at FROM sessions WHERE rotated_at IS NOT NULL")
    for row in rows:
        found = row["rotated_at"]
        rotated = dt.datetime.fromisoformat(found) if isinstance(found, str) else found
        database.write(
            lambda connection, row=row, rotated=rotated: connection.run(  # type: ignore[misc]
                "UPDATE sessions SET rotated_at = :at WHERE id = :id",
                at=rotated - dt.timedelta(seconds=seconds),
                id=row["id"],
            )
        )


def device(sign_in: SignIn, valkey: redis.Redis, name: str, phone: str = "09121234567") -> Person:
    """The same person, on another device."""
    for key in valkey.scan_iter("otp:phone:*"):
        valkey.delete(key)
    return sign_in(phone, name)


def test_tokens_hold_ids_and_times_only(sign_in: SignIn) -> None:
    person = sign_in()
    for name, kind in (("access_token", "access"), ("refresh_token", "refresh")):
        claims = claims_of(person.tokens[name])
        assert claims["type"] == kind
        assert claims["iss"] == "dakhl-o-kharj"
        assert claims["aud"] == "dakhl-o-kharj-api"
        assert claims["sub"] == person.account_id
        known = {"lid", "role"} if kind == "access" else set()
        assert claims.keys() - known == {
            *("type", "iss", "aud", "sub", "sid", "jti", "iat", "exp", "fresh")
        }


def test_a_missing_token_is_a_401_with_a_challenge(client: FlaskClient) -> None:
    response = client.get("/v1/me")
    assert problem(response) == (401, "token_missing")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="dakhl-o-kharj"'


def forged(settings: Settings, token: str) -> Iterator[str]:
    """Tokens that almost pass."""
    claims = claims_of(token)
    secret = settings.jwt_secret_key
    header, payload, signature = token.split(".")
    kid = {"kid": key_id(secret)}
    another = "another secret that is long enough"
    yield jwt.encode(claims, another, algorithm="HS256", headers=kid)
    yield jwt.encode(claims, secret.ljust(48, "="), algorithm="HS384", headers=kid)
    yield f"{part({'alg': 'none', **kid})}.{payload}."
    yield f"{part({'alg': 'None', 'typ': 'JWT', **kid})}.{payload}.{signature}"
    yield f"{part({'alg': 'none', 'kid': None})}.{payload}."
    yield f"{part({'alg': [], **kid})}.{payload}.{signature}"
    yield f"{part({'alg': 'HS256', 'crit': ['x'], 'x': 1, **kid})}.{payload}.{signature}"
    yield f"{part({'alg': 'HS256', 'b64': False, **kid})}.{payload}.{signature}"
    for strange in (5, None, [], [5], "", "../../dev/null", "/etc/hostname", "' OR 1=1", "0" * 16):
        yield f"{part({'alg': 'HS256', 'kid': strange})}.{payload}.{signature}"
    for name in ("", "../../dev/null", key_id(another), secret):
        # Signed by what the name is, or might be taken to lead to.
        for key in (another, "\0" * 32, name or "x"):
            yield jwt.encode(claims, key.ljust(32, "="), algorithm="HS256", headers={"kid": name})
    yield jwt.encode(claims, secret, algorithm="HS256")
    inline = {"jwk": {"kty": "oct", "k": part(another.encode())}, "jku": "http://127.0.0.1:1/k"}
    yield jwt.encode(claims, another, algorithm="HS256", headers={**inline, **kid})
    yield f"{header}.{part({**claims, 'sub': str(uuid4())})}.{signature}"
    yield f"{header}.{payload}.{signature[:-2]}"
    yield f"{header}.{payload}"
    yield f"{header}..{signature}"
    yield f"{header}.{part(b'[' * 5000)}.{signature}"
    yield f"{part(b'[' * 5000)}.{payload}.{signature}"
    yield f"{part(b'9' * 5000)}.{payload}.{signature}"
    yield f"{part([])}.{payload}.{signature}"
    yield f"{header}.{part([])}.{signature}"
    yield f"{header}.{part(b'{xff}')}.{signature}"
    yield "a.b.c"
    yield "..."
    yield "x" * 5000
    yield "é"
    for name, value in (
        ("aud", "another"),
        ("aud", 5),
        ("iss", "another"),
        ("type", {"access": "refresh", "refresh": "access"}[claims["type"]]),
        ("type", "other"),
        ("iat", "soon"),
        ("exp", "soon"),
        ("sub", 5),
        ("sid", "no uuid"),
        ("sid", 5),
    ):
        yield jwt.encode({**claims, name: value}, secret, algorithm="HS256", headers=kid)
    needed = {"aud", "iss", "sub", "sid", "jti", "iat", "exp", "lid", "role"} & claims.keys()
    for name in needed:
        left = {key: value for key, value in claims.items() if key != name}
        yield jwt.encode(left, secret, algorithm="HS256", headers=kid)


def test_no_forged_token_passes(sign_in: SignIn, settings: Settings) -> None:
    person = sign_in()
    for token in forged(settings, person.tokens["access_token"]):
        response = person.client.get("/v1/me", headers=bearer(token))
        assert problem(response) == (401, "token_invalid"), token[:300]
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    for token in forged(settings, person.tokens["refresh_token"]):
        assert problem(person.refresh(token)) == (401, "token_invalid"), token[:300]
    assert person.get("/v1/me").status_code == 200
    assert person.refresh().status_code == 200


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer a b", "Basic eDp5", "bearer", ",", " , ", "Bearer a, Bearer b"],
)
def test_a_strange_authorization_header_is_a_401(client: FlaskClient, header: str) -> None:
    response = client.get("/v1/me", headers={"Authorization": header})
    assert response.status_code == 401
    assert response.get_json()["code"] in ("token_missing", "token_invalid")


def test_an_expired_token_says_so(sign_in: SignIn, settings: Settings) -> None:
    person = sign_in()
    claims = {**claims_of(person.tokens["access_token"]), "exp": 1}
    token = signed(claims, settings.jwt_secret_key)
    response = person.client.get("/v1/me", headers=bearer(token))
    assert problem(response) == (401, "token_expired")


def test_each_kind_of_token_has_one_use(sign_in: SignIn) -> None:
    person = sign_in()
    response = person.client.get("/v1/me", headers=bearer(person.tokens["refresh_token"]))
    assert problem(response) == (401, "token_invalid")
    assert problem(person.refresh(person.tokens["access_token"])) == (401, "token_invalid")


def test_tokens_are_taken_from_the_header_only(sign_in: SignIn) -> None:
    person = sign_in()
    token = person.tokens["access_token"]
    person.client.set_cookie("access_token_cookie", token)
    assert person.client.get(f"/v1/me?jwt={token}").status_code == 401


def test_refreshing_gives_a_new_pair(sign_in: SignIn) -> None:
    person = sign_in()
    response = person.refresh()
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    pair = response.get_json()
    assert pair.keys() == person.tokens.keys() - {"account"}
    assert pair["refresh_token"] != person.tokens["refresh_token"]
    assert person.client.get("/v1/me", headers=bearer(pair["access_token"])).status_code == 200
    assert person.refresh(pair["refresh_token"]).status_code == 200


def test_a_retry_gets_the_same_successor(sign_in: SignIn) -> None:
    person = sign_in()
    first, second = person.refresh().get_json(), person.refresh().get_json()
    assert first["refresh_token"] == second["refresh_token"]
    assert first["access_token"] == second["access_token"]


def test_a_retry_comes_too_late_after_ten_seconds(sign_in: SignIn, database: Database) -> None:
    person = sign_in()
    successor = person.refresh().get_json()
    grow_old(database, 10)
    assert problem(person.refresh()) == (401, "refresh_reused")
    assert problem(person.refresh(successor["refresh_token"])) == (401, "session_ended")
    headers = bearer(successor["access_token"])
    assert problem(person.client.get("/v1/me", headers=headers)) == (401, "session_ended")


def test_a_retry_comes_too_late_once_the_successor_is_used(sign_in: SignIn) -> None:
    person = sign_in()
    successor = person.refresh().get_json()["refresh_token"]
    assert person.refresh(successor).status_code == 200
    assert problem(person.refresh()) == (401, "refresh_reused")
    assert problem(person.get("/v1/me")) == (401, "session_ended")


def test_many_refreshes_at_once_get_one_successor(sign_in: SignIn) -> None:
    person = sign_in()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: person.refresh(), range(16)))
    assert [answer.status_code for answer in answers] == [200] * 16
    assert len({answer.get_json()["refresh_token"] for answer in answers}) == 1


def test_a_reused_token_ends_its_own_session_only(sign_in: SignIn, valkey: redis.Redis) -> None:
    stolen, other = device(sign_in, valkey, "phone"), device(sign_in, valkey, "laptop")
    stolen.refresh(stolen.refresh().get_json()["refresh_token"])
    assert problem(stolen.refresh()) == (401, "refresh_reused")
    assert other.get("/v1/me").status_code == 200


def test_signing_out_ends_the_session(sign_in: SignIn) -> None:
    person = sign_in()
    response = person.post("/v1/auth/logout")
    assert (response.status_code, response.data) == (204, b"")
    assert problem(person.get("/v1/me")) == (401, "session_ended")
    assert problem(person.refresh()) == (401, "session_ended")
    assert problem(person.post("/v1/auth/logout")) == (401, "session_ended")


def test_the_devices_signed_in_are_listed(sign_in: SignIn, valkey: redis.Redis) -> None:
    phone, laptop = device(sign_in, valkey, "گوشی"), device(sign_in, valkey, "laptop")
    device(sign_in, valkey, "a stranger's", "09351112233")
    page = laptop.get("/v1/auth/sessions").get_json()
    assert {(item["device"], item["is_current"]) for item in page["items"]} == {
        ("گوشی", False),
        ("laptop", True),
    }
    assert (page["next_cursor"], page["has_more"]) == (None, False)
    assert page["items"][0].keys() == {
        "id",
        "device",
        "created_at",
        "last_used_at",
        "expires_at",
        "is_current",
    }
    assert phone.get("/v1/auth/sessions").status_code == 200


def test_one_device_is_signed_out(sign_in: SignIn, valkey: redis.Redis) -> None:
    phone, laptop = device(sign_in, valkey, "phone"), device(sign_in, valkey, "laptop")
    items = laptop.get("/v1/auth/sessions").get_json()["items"]
    other = next(item["id"] for item in items if not item["is_current"])
    assert laptop.delete(f"/v1/auth/sessions/{other}").status_code == 204
    assert problem(phone.get("/v1/me")) == (401, "session_ended")
    assert laptop.delete(f"/v1/auth/sessions/{other}").status_code == 204
    assert len(laptop.get("/v1/auth/sessions").get_json()["items"]) == 1


def test_every_other_device_is_signed_out(sign_in: SignIn, valkey: redis.Redis) -> None:
    phone, laptop = device(sign_in, valkey, "phone"), device(sign_in, valkey, "laptop")
    assert laptop.delete("/v1/auth/sessions").status_code == 204
    assert problem(phone.get("/v1/me")) == (401, "session_ended")
    assert laptop.get("/v1/me").status_code == 200


def test_nobody_signs_a_stranger_out(sign_in: SignIn) -> None:
    person, stranger = sign_in(), sign_in("09351112233")
    session_id = claims_of(person.tokens["access_token"])["sid"]
    for unknown in (session_id, uuid4()):
        response = stranger.delete(f"/v1/auth/sessions/{unknown}")
        assert problem(response) == (404, "session_not_found")
    stranger.delete("/v1/auth/sessions")
    assert person.get("/v1/me").status_code == 200


def test_a_device_name_is_short_text(sign_in: SignIn) -> None:
    with pytest.raises(AssertionError, match="too_long"):
        sign_in("09121234567", "a" * 101)


def test_stale_sessions_are_forgotten(
    sign_in: SignIn, valkey: redis.Redis, database: Database
) -> None:
    over, live = device(sign_in, valkey, "over"), device(sign_in, valkey, "live")
    over.post("/v1/auth/logout")
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)

    def remove(before: dt.datetime) -> int:
        return database.write(lambda connection: accounts.remove_stale_sessions(connection, before))

    assert remove(later - dt.timedelta(days=1)) == 0
    assert remove(later) == 1
    assert live.get("/v1/me").status_code == 200
    assert remove(later + dt.timedelta(days=15)) == 1
    assert problem(live.refresh()) == (401, "session_ended")
