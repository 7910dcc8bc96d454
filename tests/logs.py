"""What was logged, as a test reads it."""

import io
import json
from typing import Any


class Log(io.StringIO):
    """A log in production's form, in memory."""

    def lines(self) -> list[dict[str, Any]]:
        """Every line since the last time, as a mapping."""
        found = [json.loads(line) for line in self.getvalue().splitlines()]
        self.seek(0)
        self.truncate()
        return found
