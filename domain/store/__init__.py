"""The one door through which events are recorded."""
