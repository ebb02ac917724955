"""One object at a time: observe, plan, act, write the status."""
