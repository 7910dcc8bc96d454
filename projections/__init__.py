"""Read models: rows anyone can throw away and compute again from the events."""
