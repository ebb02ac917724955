"""One request and its reply: signing, connections, the three operations of the SageMaker runtime."""
