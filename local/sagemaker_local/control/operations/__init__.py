"""What each operation does: one module per resource, each a table of operations."""
