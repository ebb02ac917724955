"""Requests read and replies written by botocore's own model of the SageMaker API."""
