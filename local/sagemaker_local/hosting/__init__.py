"""Fleets of real model server processes: archives fetched and unpacked, processes started, watched, healed and ended."""
