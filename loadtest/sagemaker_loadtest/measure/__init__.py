"""The books: what each worker saw, added up by second and by variant."""
