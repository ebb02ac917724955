"""Names, revisions and images that are out in the world: an operator upgrade must never redeploy a fleet."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sagemaker_operator.api.codec import decode
from sagemaker_operator.api.identity import Owner
from sagemaker_operator.api.resource import ObjectKey
from sagemaker_operator.api.spec import EndpointSpec, Framework
from sagemaker_operator.plan.desired import Defaults, build_desired
from sagemaker_operator.plan.images import image_table

GOLDEN = Path(__file__).parent / "golden"
NAMES: list[dict[str, Any]] = yaml.safe_load((GOLDEN / "names.yaml").read_text(encoding="utf-8"))
IMAGES: dict[str, dict[str, dict[str, str]]] = yaml.safe_load((GOLDEN / "images.yaml").read_text(encoding="utf-8"))

REDEPLOYS = (
    "This would redeploy every fleet that is like this case as soon as the operator is upgraded. "
    "If that is meant, decide it in an ADR under docs/adr and change the golden file with it; else undo the change."
)


@pytest.mark.parametrize("pinned", NAMES, ids=[case["case"] for case in NAMES])
def test_names_and_tags_on_aws_never_change(pinned: dict[str, Any]) -> None:
    namespace, name = pinned["object"].split("/")
    owner = Owner("c1", ObjectKey(namespace, name), "u1")
    defaults = Defaults(region="eu-west-1", name_prefix=pinned.get("namePrefix", ""))
    desired = build_desired(decode(EndpointSpec, pinned["spec"], "spec"), owner, defaults, image_table())
    computed = {
        "endpoint": desired.endpoint_name,
        "revision": desired.revision,
        "config": desired.config_name,
        "models": {model.name: model.request["PrimaryContainer"]["Image"] for model in desired.models},
        "tags": desired.revision_tags,
    }
    assert computed == {member: pinned[member] for member in computed}, REDEPLOYS


def test_a_framework_version_is_the_same_image_for_ever() -> None:
    computed = {
        framework: {
            version: {region: image_table().image(Framework(framework, version), region) for region in regions}
            for version, regions in versions.items()
        }
        for framework, versions in IMAGES.items()
    }
    assert computed == IMAGES, REDEPLOYS


def test_the_golden_file_has_every_image_of_the_table() -> None:
    table = image_table()
    pinned = {framework: {v: set(regions) for v, regions in versions.items()} for framework, versions in IMAGES.items()}
    shipped = {name: {v: set(table.registry) for v in images.tags} for name, images in table.frameworks.items()}
    assert pinned == shipped, "A new version or region gets its lines in golden/images.yaml when it is released."


def test_what_the_scikit_learn_container_needs_is_part_of_its_models_for_ever() -> None:
    table = image_table()
    assert dict(table.environment(Framework("scikit-learn", "1.4-2"))) == {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    }, REDEPLOYS
    assert dict(table.environment(Framework("xgboost", "1.7-1"))) == {}, REDEPLOYS
