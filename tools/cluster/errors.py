"""What can go wrong on the way to a cluster with a node. Each message says what to do."""


class ImageError(Exception):
    """An image can be neither had nor built."""


class RequirementError(Exception):
    """This machine lacks something that the cluster needs."""
