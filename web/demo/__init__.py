"""`flask demo`: two years of a household that never was, told to a real ledger."""
