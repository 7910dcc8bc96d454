"""Background work: jobs, their schedule, and the senders of messages."""
