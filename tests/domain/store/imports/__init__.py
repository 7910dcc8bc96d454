"""Reading the files that people bring."""
