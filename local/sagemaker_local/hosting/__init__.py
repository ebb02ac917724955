"""Fleets of real model server processes: archives fetched, processes started, watched, healed and ended."""
