"""The control plane: SageMaker's API over JSON 1.1, the life of endpoints, and an admin API for tests."""
