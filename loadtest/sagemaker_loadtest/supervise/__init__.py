"""One run from the outside: its processes, what they tell, how it ended."""
