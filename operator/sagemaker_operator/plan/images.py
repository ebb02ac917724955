"""The image and default environment of a framework version in a region, from the table in images.yaml."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

import yaml

from sagemaker_operator.api.spec import Framework
from sagemaker_operator.plan.problems import InvalidSpec


@dataclass(frozen=True, slots=True)
class FrameworkImages:
    """One framework: its repository, the image tag of each released version and the environment it needs."""

    repository: str
    tags: Mapping[str, str]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ImageTable:
    """AWS's registry account and domain per region, and the frameworks found there."""

    registry: Mapping[str, str]
    domain: Mapping[str, str]
    frameworks: Mapping[str, FrameworkImages]

    def image(self, framework: Framework, region: str) -> str:
        """The image's URI. Raises InvalidSpec for a framework, version or region that the table does not have."""
        known = self._framework(framework.name)
        tag = known.tags.get(framework.version)
        if tag is None:
            raise InvalidSpec(
                f"framework {framework.name} has no version {framework.version!r}.",
                f"Known versions: {', '.join(known.tags)}. For another one set image to its registry URI.",
            )
        account = self.registry.get(region)
        if account is None:
            raise InvalidSpec(
                f"the registry of AWS's {framework.name} images in region {region!r} is not known.",
                "Set image to the registry URI instead of framework.",
            )
        domain = self.domain.get(region, "amazonaws.com")
        return f"{account}.dkr.ecr.{region}.{domain}/{known.repository}:{tag}"

    def environment(self, framework: Framework) -> Mapping[str, str]:
        """What the image needs in its environment beside what the user gives."""
        return self._framework(framework.name).environment

    def _framework(self, name: str) -> FrameworkImages:
        if name not in self.frameworks:
            raise InvalidSpec(
                f"framework {name!r} is not known.",
                f"Known frameworks: {', '.join(self.frameworks)}. For another one set image to its registry URI.",
            )
        return self.frameworks[name]


@functools.cache
def image_table() -> ImageTable:
    """The shipped table."""
    data = yaml.safe_load(resources.files(__package__).joinpath("images.yaml").read_text(encoding="utf-8"))
    frameworks = {
        name: FrameworkImages(entry["repository"], entry["tags"], entry.get("environment", {}))
        for name, entry in data["frameworks"].items()
    }
    return ImageTable(data["registry"], data["domain"], frameworks)
