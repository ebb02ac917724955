"""A run whose processes live in pods: the Kubernetes API, the HTTP port, master and workers that find each other."""
