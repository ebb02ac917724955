"""Containers of the tests: model servers by the container contract, each run as a process of its own."""
