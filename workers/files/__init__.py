"""Files: the formats in which people take their ledger away."""
