"""Credentials from AWS's standard chain, looked at again while the test runs, so that temporary ones may expire."""

import os
from collections.abc import Callable

from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.exchange.sigv4 import Credentials

Source = Callable[[], Credentials]


def standard_chain() -> Source:
    """A function that returns the credentials that hold now.

    Keys in the environment come first in the chain and never change, so botocore (0.4 s to import) is loaded only
    without them: shared files, SSO, assumed role, web identity (IRSA), container (Pod Identity) and instance metadata.
    Raises ConfigurationError when the chain ends without any.
    """
    access_key, secret_key = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if access_key and secret_key:
        fixed = Credentials(access_key, secret_key, os.environ.get("AWS_SESSION_TOKEN") or None)
        return lambda: fixed
    return _botocore_chain()


def _botocore_chain() -> Source:
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        found = Session().get_credentials()
    except BotoCoreError as error:
        raise ConfigurationError(f"AWS credentials: {error}") from error
    if found is None:
        raise ConfigurationError(
            "AWS credentials: none found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the "
            "pod's service account a role"
        )

    def current() -> Credentials:
        frozen = found.get_frozen_credentials()  # refreshes shortly before they expire
        return Credentials(frozen.access_key or "", frozen.secret_key or "", frozen.token)

    return current
