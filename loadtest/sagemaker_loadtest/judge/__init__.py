"""From the books to a result: thresholds, verdict, search, comparison. Pure."""
