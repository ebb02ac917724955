"""Application Auto Scaling for SageMaker's variants: what is registered, what follows from it, its API."""
