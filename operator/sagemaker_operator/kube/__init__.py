"""The Kubernetes API: the only place with its client."""
