"""Keeps Amazon SageMaker endpoints as written in SageMakerEndpoint objects."""

__version__ = "0.1.0"
