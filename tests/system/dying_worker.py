"""The job worker, to be killed at named points: `rq worker --worker-class …`."""

from tests.system.deaths import install_in_worker
from workers.worker import Worker

install_in_worker()

__all__ = ["Worker"]
