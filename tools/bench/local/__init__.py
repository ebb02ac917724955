"""Benchmarks of local SageMaker, each against a baseline that is measured in the same run."""
