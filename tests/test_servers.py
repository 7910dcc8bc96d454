"""The tests' own servers: if these lie, every other test does."""

from collections.abc import Callable

import psutil
import pytest
import redis
import requests

from domain.store.database import Database
from domain.store.migrate import current_revision, latest_revision
from tests.servers import LiveServer, is_over


def test_a_test_gets_a_migrated_database(database: Database) -> None:
    assert current_revision(database) == latest_revision()


@pytest.mark.parametrize("turn", ["first", "second"])
def test_no_test_sees_what_another_wrote(database: Database, valkey_url: str, turn: str) -> None:
    create = "CREATE TABLE left_behind (turn TEXT)"
    database.write(lambda connection: connection.run(create))
    with redis.Redis.from_url(valkey_url) as client:
        assert client.set("left-behind", turn, nx=True)


@pytest.mark.slow
def test_a_killed_server_comes_back_where_it_was(
    live_server: Callable[..., LiveServer],
) -> None:
    server = live_server()
    serving = [child for child in psutil.Process().children() if "wsgi:app" in child.cmdline()]
    server.kill()
    assert [is_over(process) for process in serving] == [True]
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{server.base_url}/healthz", timeout=5)
    server.start()
    assert requests.get(f"{server.base_url}/healthz", timeout=5).status_code == 200
