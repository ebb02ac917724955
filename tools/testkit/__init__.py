"""What tests and benchmarks share: local SageMaker as a process, clients of it, containers, archives, waiting."""
