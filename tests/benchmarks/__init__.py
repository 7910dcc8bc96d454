"""`make bench`: how fast the service is, measured from outside, on both databases."""
