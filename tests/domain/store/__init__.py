"""Tests of the one door through which events are recorded."""
