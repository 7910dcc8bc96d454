"""Settings: what cannot work stops the start, and says which setting and why."""

from base64 import b64encode
from pathlib import Path

import pytest

from domain.store.settings import InvalidSettings, read_settings

SECRET = "a secret of more than thirty-two characters"
SEED = b64encode(b"a seed for tests, of thirty-two.").decode()
PRODUCTION = {
    "APP_ENV": "production",
    "DATABASE_URL": "postgresql://db/dakhl",
    "REDIS_URL": "redis://redis:6379/0",
    "JWT_SECRET_KEY": SECRET,
    "OTP_PEPPER": SECRET,
    "CHECKPOINT_SIGNING_KEY": SEED,
    "WEBHOOK_KEY": SECRET,
}
SENDERS = {
    "kavenegar": {"KAVENEGAR_API_KEY": "key", "KAVENEGAR_TEMPLATE": "sign-in"},
    "smsir": {"SMSIR_API_KEY": "key", "SMSIR_TEMPLATE_ID": "100"},
    "webhook": {
        "OTP_WEBHOOK_URL": "https://sms.example.ir/send/",
        "OTP_WEBHOOK_SECRET": SECRET,
        "OTP_HOST": "app.example.ir",
    },
}


@pytest.mark.parametrize(
    ("sender", "missing"), [(sender, name) for sender in SENDERS for name in SENDERS[sender]]
)
def test_a_sender_needs_its_settings(sender: str, missing: str) -> None:
    needed = SENDERS[sender]
    read_settings({**PRODUCTION, "OTP_SENDER": sender, **needed})
    with pytest.raises(InvalidSettings, match=f"OTP_SENDER={sender} needs {missing}"):
        read_settings({**PRODUCTION, "OTP_SENDER": sender, **needed, missing: ""})


@pytest.mark.parametrize("sender", ["console", "outbox"])
def test_production_shows_no_code(sender: str) -> None:
    with pytest.raises(InvalidSettings, match="cannot be used when APP_ENV=production"):
        read_settings({**PRODUCTION, "OTP_SENDER": sender})


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("SMSIR_TEMPLATE_ID", "sign-in", "not a whole number"),
        ("OTP_HOST", "https://app.example.ir", "is not a host"),
        ("OTP_HOST", "a b", "is not a host"),
        ("OTP_WEBHOOK_SECRET", "short", "at least 32"),
        ("OTP_WEBHOOK_URL", "sms.example.ir", "must begin with https://"),
        ("OTP_WEBHOOK_URL", "ftp://sms.example.ir", "must begin with https://"),
        ("OTP_WEBHOOK_URL", "https://[", "is not an address"),
        ("OTP_WEBHOOK_URL", "http://sms.example.ir", "when APP_ENV=production"),
        ("KAVENEGAR_URL", "http://proxy.example.ir", "when APP_ENV=production"),
        ("SMSIR_URL", "http://proxy.example.ir", "when APP_ENV=production"),
        ("JWT_PREVIOUS_SECRET_KEYS", f"{SECRET},short", "each of JWT_PREVIOUS_SECRET_KEYS"),
        ("WEBHOOK_KEY", "", "WEBHOOK_KEY must be set"),
        ("WEBHOOK_KEY", "short", "at least 32"),
        ("WEBHOOK_ALLOWED_NETWORKS", "10.0.0.1/8", "has host bits set"),
        ("WEBHOOK_ALLOWED_NETWORKS", "intranet", "WEBHOOK_ALLOWED_NETWORKS"),
        ("CHECKPOINT_SIGNING_KEY", "", "CHECKPOINT_SIGNING_KEY must be set"),
        ("CHECKPOINT_SIGNING_KEY", "short", "must be 32 bytes in base64"),
        ("CHECKPOINT_SIGNING_KEY", SEED + "AAAA", "must be 32 bytes in base64"),
        ("CHECKPOINT_ORIGIN", "two words", "CHECKPOINT_ORIGIN"),
        ("CHECKPOINT_ORIGIN", "a+b", "CHECKPOINT_ORIGIN"),
        ("CHECKPOINT_ORIGIN", "دفتر", "CHECKPOINT_ORIGIN"),
    ],
)
def test_what_cannot_work_is_refused(setting: str, value: str, reason: str) -> None:
    sender = {"SMSIR_TEMPLATE_ID": "smsir"}.get(setting, "webhook")
    environ = {**PRODUCTION, "OTP_SENDER": sender, **SENDERS[sender], setting: value}
    with pytest.raises(InvalidSettings, match=reason):
        read_settings(environ)


def test_a_proxy_on_this_machine_may_speak_plainly() -> None:
    environ = {**PRODUCTION, "OTP_SENDER": "kavenegar", **SENDERS["kavenegar"]}
    settings = read_settings({**environ, "KAVENEGAR_URL": "http://127.0.0.1:8080"})
    assert settings.kavenegar_url == "http://127.0.0.1:8080"


def test_previous_keys_are_told_apart_by_commas(tmp_path: Path) -> None:
    environ = {"DATA_DIR": str(tmp_path), "JWT_PREVIOUS_SECRET_KEYS": f" {SECRET}1, {SECRET}2,"}
    assert read_settings(environ).jwt_previous_secret_keys == (f"{SECRET}1", f"{SECRET}2")


def test_settings_show_no_secret() -> None:
    secrets = {"JWT_SECRET_KEY": "j" * 40, "OTP_PEPPER": "p" * 40, "KAVENEGAR_API_KEY": "k" * 40}
    environ = {**PRODUCTION, "OTP_SENDER": "kavenegar", "KAVENEGAR_TEMPLATE": "t", **secrets}
    shown = repr(read_settings(environ))
    assert not [value for value in secrets.values() if value in shown]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DATABASE_URL", "garbage"),
        ("DATABASE_URL", "mysql://db/dakhl"),
        ("REDIS_URL", "http://redis:6379"),
        ("REDIS_URL", "redis"),
    ],
)
def test_an_address_of_another_kind_of_store_is_refused(
    setting: str, value: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidSettings, match=f"{setting} must begin with one of"):
        read_settings({"DATA_DIR": str(tmp_path), setting: value})


def test_a_data_folder_whose_name_would_end_an_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="DATA_DIR"):
        read_settings({"DATA_DIR": str(tmp_path / "a?b")})


@pytest.mark.parametrize("name", ["jwt_secret_key", "otp_pepper"])
def test_a_secret_file_that_was_emptied_is_refused(name: str, tmp_path: Path) -> None:
    read_settings({"DATA_DIR": str(tmp_path)})
    (tmp_path / f"{name}.secret").write_text("")
    with pytest.raises(InvalidSettings, match=f"{name}.secret must have at least 32"):
        read_settings({"DATA_DIR": str(tmp_path)})


def test_a_signing_key_is_made_once_and_kept(tmp_path: Path) -> None:
    first, second = (read_settings({"DATA_DIR": str(tmp_path)}) for _ in range(2))
    assert first.checkpoint_signing_key == second.checkpoint_signing_key
    path = tmp_path / "checkpoint_signing_key.secret"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("")
    with pytest.raises(InvalidSettings, match="secret must be 32 bytes"):
        read_settings({"DATA_DIR": str(tmp_path)})


def test_the_embedded_valkey_takes_a_data_folder_with_spaces(tmp_path: Path) -> None:
    spaced = tmp_path / "my money"
    settings = read_settings({"DATA_DIR": str(spaced)})
    assert " " not in settings.redis_url
    assert "%20" not in settings.redis_url
    assert settings.database_url == f"sqlite:///{spaced / 'ledger.sqlite3'}"
