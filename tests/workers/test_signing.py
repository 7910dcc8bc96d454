"""Signing: whoever knows a secret that is in use can tell that a message is ours."""

import base64
import datetime as dt
import hmac
from uuid import UUID

import msgspec

from domain.store.webhooks import (
    change_webhook,
    new_secret,
    replaced_secret,
    sealed_secret,
)
from tests.workers.hooked import Hooked
from tests.workers.receivers import Taken
from workers.delivering import message_headers


def signatures(taken: Taken, *secrets: str) -> list[str]:
    """What a receiver that knows these secrets expects."""
    signed = f"{taken.headers['webhook-id']}.{taken.headers['webhook-timestamp']}.".encode()
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    digests = [hmac.digest(key, signed + taken.body, "sha256") for key in keys]
    return [f"v1,{base64.b64encode(digest).decode()}" for digest in digests]


def test_the_signature_is_the_standard_s() -> None:
    # The example of the specification's own libraries.
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = dt.datetime.fromtimestamp(1614265330, dt.UTC)
    body = b'{"test": 2432232314}'
    signed = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + body
    expected = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    assert expected == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    name = UUID(int=1)
    found = message_headers(name, at, body, [key])["webhook-signature"]
    signed = f"{name}.1614265330.".encode() + body
    assert found == "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def test_both_secrets_sign_for_a_day(hooked: Hooked) -> None:
    newer, webhook = new_secret(), hooked.webhook()
    changed = msgspec.structs.replace(
        webhook,
        secret=sealed_secret(hooked.seal, newer),
        old_secret=webhook.secret,
        old_secret_until=hooked.clock.now + dt.timedelta(hours=24),
    )
    hooked.database.write(lambda c: change_webhook(c, changed))
    hooked.spend()
    hooked.send()
    hooked.wait(hours=25)
    hooked.spend()
    hooked.send()
    both, one = hooked.receiver.taken
    assert both.headers["webhook-signature"].split() == signatures(both, newer, hooked.secret)
    assert one.headers["webhook-signature"].split() == signatures(one, newer)


def test_who_replaces_a_secret_twice_is_understood_by_who_knows_the_first(hooked: Hooked) -> None:
    lost, newest = new_secret(), new_secret()
    for secret in (lost, newest):
        sealed, now = sealed_secret(hooked.seal, secret), hooked.clock.now
        changed = replaced_secret(hooked.webhook(), sealed, now)
        hooked.database.write(lambda c, changed=changed: change_webhook(c, changed))  # type: ignore[misc]
        hooked.wait(hours=1)
    hooked.spend()
    hooked.send()
    hooked.wait(hours=24)
    hooked.spend()
    hooked.send()
    all_three, one = hooked.receiver.taken
    assert all_three.headers["webhook-signature"].split() == signatures(
        all_three, newest, lost, hooked.secret
    )
    assert one.headers["webhook-signature"].split() == signatures(one, newest)


def test_nothing_is_sent_unsigned(hooked: Hooked) -> None:
    lost = msgspec.structs.replace(hooked.webhook(), secret="gAAAAAB-of-another-key")
    hooked.database.write(lambda c: change_webhook(c, lost))
    hooked.spend()
    hooked.send()
    assert hooked.receiver.taken == []
    assert hooked.webhook().pause_reason == "secret_lost"
    assert [one.attempts[0].error for one in hooked.deliveries()] == ["secret_lost"]
