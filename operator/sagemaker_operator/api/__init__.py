"""What the user may say and what we answer. Frozen dataclasses, no I/O."""
