"""The web app, to be killed at named points: `granian tests.system.dying_web:app`."""

from tests.system.deaths import install_in_web
from wsgi import app

install_in_web()

__all__ = ["app"]
