"""Tests of the rows, and of the sums read from them."""
