"""The HTTP edge: it parses, hands over, and answers."""
