"""Imports: entries that people bring in files, read row by row; outside the stream."""
