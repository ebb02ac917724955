"""What can go wrong on the way to a Kubernetes API. Each message says what to do."""


class BinaryError(Exception):
    """A program can be neither found, fetched nor built."""


class StartError(Exception):
    """A program ended or did not get ready; the message has the end of its log."""


class ClusterRefusedError(Exception):
    """The cluster in KUBECONFIG is not one that may be used."""
