"""Benchmarks of the load tester: what a request costs it, and whether its latencies are true."""
