"""What the Dockerfile and the manifest of local SageMaker promise, read from them."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.base_image import NAME
from cluster.images import TAG, TARGETS, image_name

ROOT = Path(__file__).parents[3]
TEXT = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
STAGES = {
    match[2]: (match[1], TEXT[match.end() :].partition("\nFROM ")[0])
    for match in re.finditer(r"^FROM (\S+) AS (\S+)$", TEXT, re.MULTILINE)
}


def test_each_stage_comes_from_the_base_that_the_cluster_makes() -> None:
    default = re.search(r"^ARG PYTHON=(\S+)$", TEXT, re.MULTILINE)
    assert default
    bases = {base.replace("${PYTHON}", default[1]) for base, _ in STAGES.values() if base not in STAGES}
    assert bases == {NAME.rpartition("/")[2]}


def test_the_targets_are_there_and_the_operator_is_what_a_build_without_one_gives() -> None:
    assert set(TARGETS) <= set(STAGES)
    assert list(STAGES)[-1] == "operator"


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_runs_its_command_as_nobody_from_its_own_lock(target: str) -> None:
    base, steps = STAGES[target]
    assert base == "base"
    assert "USER 65532:65532" in STAGES["base"][1]
    assert f'ENTRYPOINT ["sagemaker-{target}"]' in steps
    assert f"COPY --from={target}-dependencies /opt/venv /opt/venv" in steps
    assert not re.search(r"^(RUN|USER)", steps, re.MULTILINE)
    assert f"requirements/{target}.txt" in STAGES[f"{target}-dependencies"][1]


def test_whatever_is_installed_is_checked_by_its_hash_or_built_here() -> None:
    commands = re.findall(r"pip .*install.*", TEXT)
    assert len(commands) == 5
    for command in commands:
        assert "--require-hashes" in command or "--no-deps --no-index" in command


def test_our_own_code_is_a_layer_above_the_dependencies() -> None:
    for target in TARGETS:
        copied = re.findall(r"COPY --from=(\S+)", STAGES[target][1])
        assert copied == [f"{target}-dependencies", "wheel"]


def test_the_version_is_the_projects() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"ARG VERSION={version}\n" in TEXT
    assert version == TAG


def test_only_what_the_images_need_is_sent_to_the_builder() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {word for words in re.findall(r"^COPY (?!--)(.*) \S+$", TEXT, re.MULTILINE) for word in words.split()}
    assert {word.partition("/")[0] for word in copied} == kept


def test_the_manifests_name_the_images_that_are_built() -> None:
    found = set[str]()
    for file in ("deployment.yaml", "local/sagemaker-local.yaml"):
        for document in yaml.safe_load_all((ROOT / "manifests" / file).read_text()):
            if document["kind"] == "Deployment":
                found |= {each["image"] for each in document["spec"]["template"]["spec"]["containers"]}
    assert found == {image_name(target).rpartition("/")[2] for target in ("operator", "local")}


def test_local_sagemaker_runs_as_hardened_as_the_operator() -> None:
    def security(file: str) -> list[Any]:
        documents = yaml.safe_load_all((ROOT / "manifests" / file).read_text())
        [pod] = [each["spec"]["template"]["spec"] for each in documents if each["kind"] == "Deployment"]
        wanted = {"allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities"}
        container = {key: value for key, value in pod["containers"][0]["securityContext"].items() if key in wanted}
        return [pod["securityContext"], container]

    assert security("local/sagemaker-local.yaml") == security("deployment.yaml")
