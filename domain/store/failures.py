"""How a database fails those who use it, in plain words."""


class StoreUnavailable(Exception):
    """The database cannot be reached or did not answer in time; nothing was recorded."""


class OutcomeUnknown(StoreUnavailable):
    """The connection was lost while committing: all of it was recorded, or nothing was."""


class Overloaded(StoreUnavailable):
    """Too many commands wait, or this one waited too long; nothing was recorded."""
