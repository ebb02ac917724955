"""Decisions: pure functions from what is wanted and what was seen to what is to be done. No I/O, no clock."""
