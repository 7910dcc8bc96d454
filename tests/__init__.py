"""Tests: they mirror the code, and talk to real servers only."""
