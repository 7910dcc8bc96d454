"""The rules of a ledger: what may be recorded, and what a history of events means."""
