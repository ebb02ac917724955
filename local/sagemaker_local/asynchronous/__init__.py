"""Asynchronous inference: a durable queue, and what takes requests from it to the instances and results to S3."""
