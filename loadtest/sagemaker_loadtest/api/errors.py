"""What can be wrong before any load is sent.

LoadTestError
  ConfigurationError    the test file, a flag, a payload, the endpoint or the credentials: exit code 2
"""

from collections.abc import Sequence


class LoadTestError(Exception):
    """Base of the errors that a person is told in words, without a traceback."""


class ConfigurationError(LoadTestError):
    """The test cannot start as it is written. `faults` holds one sentence each: field, value, remedy."""

    def __init__(self, faults: Sequence[str] | str) -> None:
        self.faults = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(self.faults))
