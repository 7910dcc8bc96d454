"""Settings: read from the environment once, into one frozen value."""

import base64
import hashlib
import ipaddress
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, cast, get_args
from urllib.parse import quote, urlsplit

from domain.web_addresses import Network

AppEnv = Literal["development", "production"]
OtpSender = Literal["console", "outbox", "kavenegar", "smsir", "webhook"]

CODE_SECONDS: Final = 120
"""How long a sign-in code lives."""

DEVELOPMENT_SENDERS: Final = ("console", "outbox")
NEEDED_BY_SENDER: Final[Mapping[str, tuple[str, ...]]] = {
    "kavenegar": ("KAVENEGAR_API_KEY", "KAVENEGAR_TEMPLATE"),
    "smsir": ("SMSIR_API_KEY", "SMSIR_TEMPLATE_ID"),
    "webhook": ("OTP_WEBHOOK_URL", "OTP_WEBHOOK_SECRET", "OTP_HOST"),
}
DATABASES: Final = ("sqlite", "postgresql", "postgres")
REDISES: Final = ("redis", "rediss", "unix")
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
MOST_PROCESSES: Final = 256
MINIMUM_SECRET_LENGTH: Final = 32
SEED_BYTES: Final = 32
"""Of an Ed25519 key (RFC 8032)."""
LONGEST_SOCKET_PATH_BYTES: Final = 100  # unix(7) allows 107; some systems less


class InvalidSettings(Exception):
    """The environment cannot be used; the message says which setting and why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the outside decides. Times are seconds; see `.env.example` for each name."""

    app_env: AppEnv
    data_dir: Path
    database_url: str
    redis_url: str
    jwt_secret_key: str = field(repr=False)
    jwt_previous_secret_keys: tuple[str, ...] = field(repr=False)
    otp_pepper: str = field(repr=False)
    checkpoint_origin: str
    checkpoint_signing_key: bytes = field(repr=False)
    otp_sender: OtpSender
    otp_outbox: Path
    otp_host: str
    kavenegar_api_key: str = field(repr=False)
    kavenegar_template: str
    kavenegar_url: str
    kavenegar_sender: str
    smsir_api_key: str = field(repr=False)
    smsir_template_id: str
    smsir_url: str
    smsir_line_number: int
    otp_webhook_url: str = field(repr=False)
    otp_webhook_secret: str = field(repr=False)
    webhook_key: str = field(repr=False)
    webhook_allowed_networks: tuple[Network, ...]
    host: str
    port: int
    web_processes: int | None
    rate_limit_per_second: int | None
    otp_address_quota: int
    trusted_proxies: int
    access_token_seconds: int
    refresh_token_seconds: int
    prometheus_multiproc_dir: Path | None
    """The name in the environment is prometheus-client's, which reads it by itself."""


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read every setting, or raise `InvalidSettings` naming the first that cannot be used."""
    env = os.environ if environ is None else environ
    app_env, data_dir = _choice(env, "APP_ENV", AppEnv, "development"), _data_dir(env)
    settings = Settings(
        app_env=cast(AppEnv, app_env),
        data_dir=data_dir,
        database_url=_store_url(env, "DATABASE_URL", DATABASES) or _sqlite_url(data_dir),
        redis_url=_store_url(env, "REDIS_URL", REDISES) or embedded_valkey_url(data_dir),
        jwt_secret_key=_secret(env, "JWT_SECRET_KEY", app_env, data_dir),
        jwt_previous_secret_keys=_previous_secrets(env),
        otp_pepper=_secret(env, "OTP_PEPPER", app_env, data_dir),
        checkpoint_origin=_origin(env),
        checkpoint_signing_key=_signing_key(env, app_env, data_dir),
        otp_sender=cast(OtpSender, _choice(env, "OTP_SENDER", OtpSender, "console")),
        otp_outbox=Path(env.get("OTP_OUTBOX") or data_dir / "outbox.jsonl").absolute(),
        otp_host=_host(env),
        kavenegar_api_key=env.get("KAVENEGAR_API_KEY") or "",
        kavenegar_template=env.get("KAVENEGAR_TEMPLATE") or "",
        kavenegar_url=_url(env, "KAVENEGAR_URL", "https://api.kavenegar.com", app_env),
        kavenegar_sender=env.get("KAVENEGAR_SENDER") or "",
        smsir_api_key=env.get("SMSIR_API_KEY") or "",
        smsir_template_id=env.get("SMSIR_TEMPLATE_ID") or "",
        smsir_url=_url(env, "SMSIR_URL", "https://api.sms.ir", app_env),
        smsir_line_number=_number(env, "SMSIR_LINE_NUMBER", 0, at_least=0, at_most=10**18),
        otp_webhook_url=_url(env, "OTP_WEBHOOK_URL", "", app_env),
        otp_webhook_secret=env.get("OTP_WEBHOOK_SECRET") or "",
        webhook_key=_secret(env, "WEBHOOK_KEY", app_env, data_dir),
        webhook_allowed_networks=_networks(env, "WEBHOOK_ALLOWED_NETWORKS"),
        host=env.get("HOST") or "127.0.0.1",
        port=_number(env, "PORT", 8000, at_least=1, at_most=65535),
        web_processes=_number(env, "WEB_PROCESSES", 0, at_least=0, at_most=MOST_PROCESSES) or None,
        rate_limit_per_second=_rate_limit(env, app_env),
        otp_address_quota=_number(env, "OTP_ADDRESS_QUOTA", 100),
        trusted_proxies=_number(env, "TRUSTED_PROXIES", 0, at_least=0),
        access_token_seconds=_number(env, "ACCESS_TOKEN_SECONDS", 15 * 60),
        refresh_token_seconds=_number(env, "REFRESH_TOKEN_SECONDS", 14 * 24 * 3600),
        prometheus_multiproc_dir=_folder(env, "PROMETHEUS_MULTIPROC_DIR"),
    )
    return _checked(env, settings)


def _sqlite_url(data_dir: Path) -> str:
    return f"sqlite:///{data_dir / 'ledger.sqlite3'}"


def embedded_valkey_url(data_dir: Path) -> str:
    """Where `make run` lets its own Valkey listen when `REDIS_URL` is not set."""
    return f"unix://{quote(str(embedded_valkey_socket(data_dir)))}"


def embedded_valkey_socket(data_dir: Path) -> Path:
    """In the data folder; where its path does not do for a socket, in the temporary one.

    It may be too long, or hold spaces, at which redis-py takes the list of clients apart.
    """
    path = data_dir / "valkey" / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH_BYTES and not re.search(r"\s", str(path)):
        return path
    short = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"dakhl-o-kharj-{short}" / "valkey.sock"


def _checked(env: Mapping[str, str], settings: Settings) -> Settings:
    if settings.app_env == "production":
        _refuse_development_defaults(env, settings)
    _check_sender(env, settings)
    return settings


def _refuse_development_defaults(env: Mapping[str, str], settings: Settings) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        if not env.get(name):
            raise InvalidSettings(f"{name} must be set when APP_ENV=production")
    if settings.otp_sender in DEVELOPMENT_SENDERS:
        raise InvalidSettings(
            f"OTP_SENDER={settings.otp_sender} shows codes on this machine; "
            "it cannot be used when APP_ENV=production"
        )


def _check_sender(env: Mapping[str, str], settings: Settings) -> None:
    for name in NEEDED_BY_SENDER.get(settings.otp_sender, ()):
        if not env.get(name):
            raise InvalidSettings(f"OTP_SENDER={settings.otp_sender} needs {name}")
    if settings.otp_sender == "smsir":
        _number(env, "SMSIR_TEMPLATE_ID", 0)
    if settings.otp_sender == "webhook":
        _refuse_short("OTP_WEBHOOK_SECRET", settings.otp_webhook_secret)


def _choice(env: Mapping[str, str], name: str, choices: object, default: str) -> str:
    value = env.get(name) or default
    allowed = get_args(choices)
    if value not in allowed:
        raise InvalidSettings(f"{name}={value!r} is not one of {', '.join(allowed)}")
    return value


def _number(
    env: Mapping[str, str], name: str, default: int, *, at_least: int = 1, at_most: int = 2**31
) -> int:
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not at_least <= int(text) <= at_most:
        raise InvalidSettings(f"{name}={text!r} is not a whole number, {at_least} to {at_most}")
    return int(text)


def _data_dir(env: Mapping[str, str]) -> Path:
    path = Path(env.get("DATA_DIR") or "data").absolute()
    if "?" in str(path):
        raise InvalidSettings(f"DATA_DIR={str(path)!r}: a database's address ends at a '?'")
    return path


def _store_url(env: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str | None:
    """An address of one of these kinds. It may hold a password, so messages do not repeat it."""
    value = env.get(name)
    if value and ("://" not in value or value.split("://")[0].split("+")[0] not in schemes):
        begins = ", ".join(f"{scheme}://" for scheme in schemes)
        raise InvalidSettings(f"{name} must begin with one of {begins}")
    return value


def _folder(env: Mapping[str, str], name: str) -> Path | None:
    value = env.get(name)
    return Path(value).absolute() if value else None


def _rate_limit(env: Mapping[str, str], app_env: str) -> int | None:
    if env.get("RATE_LIMIT") == "off":
        if app_env == "production":
            raise InvalidSettings("RATE_LIMIT=off cannot be used when APP_ENV=production")
        return None
    return _number(env, "RATE_LIMIT", 100)


def _secret(env: Mapping[str, str], name: str, app_env: str, data_dir: Path) -> str:
    value = env.get(name)
    if value:
        return _refuse_short(name, value)
    if app_env == "production":
        raise InvalidSettings(f"{name} must be set when APP_ENV=production")
    path = data_dir / f"{name.lower()}.secret"
    return _refuse_short(str(path), _made_once(path, secrets.token_urlsafe(48)))


def _origin(env: Mapping[str, str]) -> str:
    """The name of the log and of its key, as C2SP signed-note wants it."""
    value = env.get("CHECKPOINT_ORIGIN") or "dakhl-o-kharj"
    if not re.fullmatch(r"[!-*,-~]{1,100}", value):
        raise InvalidSettings(f"CHECKPOINT_ORIGIN={value!r} holds more than ASCII, a space or a +")
    return value


def _signing_key(env: Mapping[str, str], app_env: str, data_dir: Path) -> bytes:
    name = "CHECKPOINT_SIGNING_KEY"
    said = env.get(name)
    if not said and app_env == "production":
        raise InvalidSettings(f"{name} must be set when APP_ENV=production")
    path = data_dir / f"{name.lower()}.secret"
    text = said or _made_once(path, base64.b64encode(secrets.token_bytes(SEED_BYTES)).decode())
    try:
        seed = base64.b64decode(text, validate=True)
    except ValueError:
        seed = b""
    if len(seed) != SEED_BYTES:
        where = name if said else str(path)
        raise InvalidSettings(f"{where} must be {SEED_BYTES} bytes in base64")
    return seed


def _previous_secrets(env: Mapping[str, str]) -> tuple[str, ...]:
    name = "JWT_PREVIOUS_SECRET_KEYS"
    keys = [key.strip() for key in (env.get(name) or "").split(",")]
    return tuple(_refuse_short(f"each of {name}", key) for key in keys if key)


def _networks(env: Mapping[str, str], name: str) -> tuple[Network, ...]:
    try:
        said = [one.strip() for one in (env.get(name) or "").split(",")]
        return tuple(ipaddress.ip_network(one) for one in said if one)
    except ValueError as error:
        raise InvalidSettings(f"{name}: {error}") from None


def _refuse_short(name: str, value: str) -> str:
    if len(value) < MINIMUM_SECRET_LENGTH:
        raise InvalidSettings(f"{name} must have at least {MINIMUM_SECRET_LENGTH} characters")
    return value


def _host(env: Mapping[str, str]) -> str:
    value = env.get("OTP_HOST") or ""
    if value and not re.fullmatch(r"[a-z0-9.-]+(:[0-9]+)?", value):
        raise InvalidSettings(f"OTP_HOST={value!r} is not a host such as app.example.ir")
    return value


def _url(env: Mapping[str, str], name: str, default: str, app_env: str) -> str:
    """An address that codes may be sent to: in production nobody on the way may read them.

    It may hold a password, so messages do not repeat it.
    """
    value = env.get(name) or default
    try:
        parts = urlsplit(value)
    except ValueError:
        raise InvalidSettings(f"{name} is not an address") from None
    if value and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise InvalidSettings(f"{name} must begin with https:// and name a host")
    if app_env == "production" and parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise InvalidSettings(f"{name} must begin with https:// when APP_ENV=production")
    return value


def _made_once(path: Path, secret: str) -> str:
    """What a file holds: this secret, readable by its owner only, or what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()
