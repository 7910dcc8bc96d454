"""Sign-in codes: six digits, kept as a keyed hash for two minutes, good for one use."""

import hmac
import ipaddress
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, cast
from uuid import UUID, uuid4

import redis

from domain.store.settings import CODE_SECONDS
from web.errors import Problem
from web.limits import limit_headers

COOLDOWN_SECONDS: Final = 60
QUOTA: Final = 3
QUOTA_SECONDS: Final = 600
TRIES: Final = 5
UNAVAILABLE_RETRY_SECONDS: Final = 5

# Looks and counts in one step, by the server's own clock, so that no two requests slip
# through together. Answers {0, 0}, or what is in the way and the seconds until it is not.
# A code takes its place from when it is asked for, and again from each try (KEYS[2]): those
# with a try in any ten minutes are never more than the quota, nor the tries than five times that.
_COUNT: Final = """
    local key, tried, member = KEYS[1], KEYS[2], ARGV[1]
    local period, quota, cooldown = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
    local time = redis.call('TIME')
    local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - period)
    redis.call('ZREMRANGEBYSCORE', tried, '-inf', now - period)
    local newest = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
    if newest[2] and now - tonumber(newest[2]) < cooldown then
        return {1, math.ceil(tonumber(newest[2]) + cooldown - now)}
    end
    if redis.call('ZCARD', key) + redis.call('ZCARD', tried) >= quota then
        local taken = redis.call('ZUNION', 2, key, tried, 'AGGREGATE', 'MAX', 'WITHSCORES')
        if #taken / 2 >= quota then
            local leaves = tonumber(taken[#taken - 2 * quota + 2])
            return {2, math.ceil(leaves + period - now)}
        end
    end
    redis.call('ZADD', key, string.format('%.6f', now), member)
    redis.call('EXPIRE', key, period)
    return {0, 0}
"""

# A try counts before the code is looked at: five at once are five, not one. One for another
# phone than the code's counts for neither phone: it could not have been right.
_TRY: Final = """
    local code, tried, most, member, period = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]
    local kept = redis.call('HMGET', code, 'mac', 'tried')
    if not kept[1] then return false end
    if redis.call('HINCRBY', code, 'tries', 1) > tonumber(most) then return false end
    if kept[2] == tried then
        local time = redis.call('TIME')
        local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
        redis.call('ZADD', tried, string.format('%.6f', now), member)
        redis.call('EXPIRE', tried, period)
    end
    return kept[1]
"""


@dataclass(frozen=True, slots=True)
class Issued:
    """A code, and the request it is bound to."""

    request_id: UUID
    code: str


@dataclass(frozen=True, slots=True)
class Codes:
    """Issues and redeems codes. Every method raises Problem `auth_unavailable` (503) when
    Redis is away: nobody signs in unchecked."""

    redis: redis.Redis
    pepper: str
    address_quota: int

    def issue(self, phone: str, address: str | None) -> Issued:
        """A new code for a phone (E.164), asked for from an address.

        Raises Problem `otp_cooldown` or `otp_quota` (429).
        """
        issued = Issued(uuid4(), f"{secrets.randbelow(10**6):06}")
        member = str(issued.request_id)
        with while_available():
            self._count("address", network_of(address), member, self.address_quota, 0)
            self._count("phone", phone, member, QUOTA, COOLDOWN_SECONDS)
            self._keep(issued, phone)
        return issued

    def redeem(self, request_id: UUID, phone: str, code: str) -> bool:
        """Whether this is the code of this request and phone; true once only."""
        key, tried = _code_key(request_id), self._key("tried", phone)
        with while_available():
            found = self.redis.eval(_TRY, 2, key, tried, TRIES, str(request_id), QUOTA_SECONDS)
            kept = cast(bytes | None, found)
            mac = self._mac("code", request_id, phone, code)
            if not hmac.compare_digest(kept or b"", mac.encode()):
                return False
            # Of several who know the code, the one whose rename finds it has used it.
            return self._rename(key, _used_key(request_id))

    def give_back(self, request_id: UUID) -> None:
        """Let a code be used once more, by whoever used it: the database was away then."""
        with suppress(redis.RedisError):
            self._rename(_used_key(request_id), _code_key(request_id))

    def _rename(self, old: str, new: str) -> bool:
        try:
            return bool(self.redis.rename(old, new))
        except redis.ResponseError:  # there is none
            return False

    def _keep(self, issued: Issued, phone: str) -> None:
        key = _code_key(issued.request_id)
        mac = self._mac("code", issued.request_id, phone, issued.code)
        with self.redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(key, mapping={"mac": mac, "tried": self._key("tried", phone)})
            pipeline.expire(key, CODE_SECONDS)
            pipeline.execute()

    def _count(self, kind: str, who: str, member: str, quota: int, cooldown: int) -> None:
        key, tried = self._key(kind, who), self._key("tried", who)
        outcome = self.redis.eval(_COUNT, 2, key, tried, member, QUOTA_SECONDS, quota, cooldown)
        obstacle, seconds = cast(list[int], outcome)
        if obstacle:
            raise Problem(
                "otp_cooldown" if obstacle == 1 else "otp_quota",
                {"retry_after": seconds},
                headers=limit_headers(f"otp-{kind}", quota, QUOTA_SECONDS, 0, seconds),
            )

    def _key(self, kind: str, who: str) -> str:
        return f"otp:{kind}:{self._mac(kind, who)}"

    def _mac(self, *parts: object) -> str:
        text = ":".join(map(str, parts))
        return hmac.digest(self.pepper.encode(), text.encode(), "sha256").hex()


def network_of(address: str | None) -> str:
    """What counts as one address: for IPv6 the /64 that one subscriber gets."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))


def _code_key(request_id: UUID) -> str:
    return f"otp:code:{request_id}"


def _used_key(request_id: UUID) -> str:
    return f"otp:code:{request_id}:used"


@contextmanager
def while_available() -> Iterator[None]:
    """Answer 503 `auth_unavailable` when Redis is away."""
    try:
        yield
    except redis.RedisError as error:
        headers = {"Retry-After": str(UNAVAILABLE_RETRY_SECONDS)}
        raise Problem("auth_unavailable", headers=headers) from error
