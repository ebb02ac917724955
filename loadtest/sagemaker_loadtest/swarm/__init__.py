"""The processes that put on the load: Locust's master and workers, and its users. Only here Locust."""
