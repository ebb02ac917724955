"""What ends a run before it has a result."""


class MutantsError(Exception):
    """The run cannot go on; the message is for people and says what to do."""
