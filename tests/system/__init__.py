"""The whole service from outside: real processes, real HTTP, real accidents."""
