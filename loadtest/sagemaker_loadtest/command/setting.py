"""What surrounds a run: its name, its port, where its workers are, where its results go."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import LoadTest
from sagemaker_loadtest.command.terminal import Style
from sagemaker_loadtest.pods.httpport import Address
from sagemaker_loadtest.pods.kube import ACCOUNT, KubernetesAPI
from sagemaker_loadtest.pods.lobby import Lobby
from sagemaker_loadtest.pods.resource import resolve
from sagemaker_loadtest.storage.store import ConfigMapStore, S3Store, Store
from sagemaker_loadtest.supervise.supervisor import Bus


@dataclass(frozen=True, slots=True)
class Setting:
    """Without anything said: a run on a laptop. `bus`: the workers join from elsewhere."""

    run: str = field(default_factory=lambda: os.urandom(4).hex())
    bus: Bus | None = None
    address: Address | None = None
    results_s3: str | None = None
    results_configmap: str | None = None
    endpoint_max_wait_seconds: float = 900.0
    account: Path = ACCOUNT

    def stores(self) -> tuple[Store, ...]:
        """Where results go beside the folder; the ConfigMap last, so that it has the final verdict.

        Raises ConfigurationError before any load is sent.
        """
        found: list[Store] = [S3Store.parse(self.results_s3)] if self.results_s3 else []
        if self.results_configmap:
            api = KubernetesAPI.of(self.account)
            if api is None:
                raise ConfigurationError(
                    f"--results-configmap {self.results_configmap}: this is no pod with a service account's token. "
                    "Leave it out outside of a cluster"
                )
            found.append(ConfigMapStore(api, self.results_configmap))
        return tuple(found)

    @contextlib.contextmanager
    def lobby(self, *, steps: bool = False) -> Iterator[Lobby | None]:
        """The run's HTTP port, where it has one; `steps`: workers come back to it for one job after the other.

        Raises ConfigurationError when the port cannot be had.
        """
        if self.address is None:
            yield None
            return
        with contextlib.closing(Lobby(self.address, self.run, steps=steps)) as lobby:
            yield lobby

    def resolver(self, style: Style) -> Callable[[LoadTest], LoadTest]:
        """`resolved`, telling the person at the terminal what is waited for."""
        return lambda test: self.resolved(test, lambda text: print(style.plain(text), flush=True))

    def resolved(self, test: LoadTest, tell: Callable[[str], None]) -> LoadTest:
        """The test with the endpoint behind `endpoint.resource`. Raises ConfigurationError."""
        if test.endpoint.resource is None:
            return test
        return resolve(test, KubernetesAPI.of(self.account), self.endpoint_max_wait_seconds, tell)
