"""`python -m mutants`: breaks one named behaviour at a time in a copy of the tree; the tests named for it must fail."""
