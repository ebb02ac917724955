"""The load tester's chart, rendered by the real Helm: lint, golden files, what the schema refuses, what the program
makes of the arguments, what the API server says.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from charts.values_schema import with_test
from charts.values_table import values_of, with_table
from devcluster import Cluster
from sagemaker_loadtest.command import flags as commands
from sagemaker_loadtest.command.cli import build_parser
from sagemaker_loadtest.command.flags import useless_flags
from sagemaker_loadtest.testfile.parse import Overrides, parse_test

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts/sagemaker-loadtest"
EXAMPLES = sorted((ROOT / "manifests/examples").glob("loadtest*.yaml"))
GOLDEN = Path(__file__).parent / "golden"
FILES = sorted((CHART / "ci").glob("*-values.yaml"))
NAMES = [path.name.removesuffix("-values.yaml") for path in FILES]
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
LONG = "a-release-name-of-the-greatest-length-that-helm-takes"
BASE: dict[str, Any] = yaml.safe_load((CHART / "ci/resource-values.yaml").read_text())

every_file = pytest.mark.parametrize("file", FILES, ids=NAMES)


def run(helm: Path, *arguments: str, check: bool = True, text: str | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(helm), *arguments], input=text, capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stderr
    return done


def render(helm: Path, values: Path | dict[str, Any], release: str = "fraud") -> list[dict[str, Any]]:
    text = values.read_text() if isinstance(values, Path) else json.dumps(values)
    done = run(helm, "template", release, str(CHART), "--namespace", "ml", "-f", "-", text=text)
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def merged(*changes: dict[str, Any]) -> dict[str, Any]:
    """The first example's values with changes, mapping by mapping."""

    def into(old: Any, new: Any) -> Any:
        if isinstance(old, dict) and isinstance(new, dict):
            return old | {key: into(old.get(key), value) for key, value in new.items()}
        return new

    found: Any = BASE
    for change in changes:
        found = into(found, change)
    return dict(found)


def pods(documents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Pod templates by component."""
    templates = [d["spec"]["template"] for d in documents if d["kind"] in ("Job", "Deployment")]
    return {t["metadata"]["labels"]["app.kubernetes.io/component"]: t for t in templates}


def only(documents: list[dict[str, Any]], kind: str, suffix: str = "") -> dict[str, Any]:
    (found,) = (d for d in documents if d["kind"] == kind and d["metadata"]["name"].endswith(suffix))
    return found


def golden(path: Path, text: str) -> None:
    if UPDATE:
        path.write_text(text)
    assert text == path.read_text(), f"UPDATE_GOLDEN=1 writes {path.name} anew"


@every_file
def test_lint(helm: Path, file: Path) -> None:
    run(helm, "lint", str(CHART), "--strict", "--quiet", "-f", str(file))


@every_file
def test_render_is_as_reviewed(helm: Path, file: Path) -> None:
    done = run(helm, "template", "fraud", str(CHART), "--namespace", "ml", "-f", str(file))
    golden(GOLDEN / f"{file.name.removesuffix('-values.yaml')}.yaml", done.stdout)


@every_file
def test_notes_are_as_reviewed(helm: Path, file: Path) -> None:
    arguments = ["install", "fraud", str(CHART), "--namespace", "ml", "-f", str(file), "--dry-run=client"]
    notes = run(helm, *arguments).stdout.split("NOTES:\n", 1)[1]
    golden(GOLDEN / f"{file.name.removesuffix('-values.yaml')}.notes.txt", notes)


def test_every_golden_file_has_its_values() -> None:
    assert {path.name.split(".")[0] for path in GOLDEN.iterdir()} == set(NAMES)


@every_file
def test_program_takes_the_arguments_and_the_test(helm: Path, file: Path) -> None:
    documents = render(helm, file)
    for component, template in pods(documents).items():
        (container,) = template["spec"]["containers"]
        environment = {e["name"]: e.get("value", "x") for e in container["env"]}
        # Kubernetes puts the variables of the pod into its arguments.
        arguments = [a.replace("$(POD_NAME)", environment.get("POD_NAME", "$(POD_NAME)")) for a in container["args"]]
        options = build_parser(environment).parse_args(arguments)
        here = "run" if "MasterPod" in file.read_text() else "master"
        master = "search" if "search" in yaml.safe_load(file.read_text())["test"] else here
        assert options.command == {"worker": "worker", "master": master}[component]
        assert component == "worker" or useless_flags(options) == []
        if component == "master":
            assert options.file == "/loadtest/test.yaml"
    test = yaml.safe_load(only(documents, "ConfigMap", "-test")["data"]["test.yaml"])
    parsed = parse_test(test, Overrides(), name="t", folder="/loadtest", environment={})
    assert parsed.endpoint.resource or (parsed.endpoint.name and parsed.endpoint.region)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_a_test_file_is_a_value_as_it_is(helm: Path, example: Path) -> None:
    """The chart's endpoint and workers take the place of the file's; all else is the file's, payloads included."""
    (source,) = yaml.safe_load(example.read_text())["payloads"]["sources"]
    payload = example.parent / source["file"]
    key = payload.name.replace(".", "\\.")
    files = ["--set-file", f"test={example}", "--set-file", f"payloads.files.{key}={payload}"]
    done = run(helm, "template", "x", str(CHART), "--set", "endpoint.resource=fraud,workers.replicas=5", *files)
    documents = [document for document in yaml.safe_load_all(done.stdout) if document]
    rendered = yaml.safe_load(only(documents, "ConfigMap", "-test")["data"]["test.yaml"])
    written = yaml.safe_load(example.read_text())
    assert rendered == written | {"endpoint": {"resource": "fraud"}, "workers": 5}
    assert only(documents, "ConfigMap", "-payloads")["data"] == {payload.name: payload.read_text()}
    (container,) = pods(documents)["master"]["spec"]["containers"]
    assert container["args"][0] == ("search" if "search" in written else "master")
    assert {"name": "payloads", "mountPath": f"/loadtest/{payload.parent.name}", "readOnly": True} in container[
        "volumeMounts"
    ]


@pytest.mark.parametrize(
    ("search", "placement", "command"),
    [
        ({}, "Pods", "search"),
        ({"maxRate": 1000000}, "MasterPod", "search"),
        (None, "Pods", "master"),
        (None, "MasterPod", "run"),
    ],
)
def test_a_test_with_search_is_searched(helm: Path, search: object, placement: str, command: str) -> None:
    values = merged({"test": {"search": search}, "workers": {"placement": placement}})
    documents = render(helm, values)
    (container,) = pods(documents)["master"]["spec"]["containers"]
    options = build_parser({}).parse_args(container["args"])
    assert (options.command, useless_flags(options)) == (command, [])
    assert commands.workers_elsewhere(options) is (placement == "Pods")
    test = yaml.safe_load(only(documents, "ConfigMap", "-test")["data"]["test.yaml"])
    parsed = parse_test(test, Overrides(), name="t", folder="/loadtest", environment={})
    assert parsed.search.max_rate == (1000000 if search else 100000)


@every_file
def test_api_server_takes_it_and_warns_of_nothing(helm: Path, control_plane: Cluster, file: Path) -> None:
    """With strict validation of fields, under the restricted Pod Security Standard."""
    namespace = f"chart-{file.name.removesuffix('-values.yaml')}"
    control_plane.kubectl("create", "namespace", namespace)
    levels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
    control_plane.kubectl("label", "namespace", namespace, *levels)
    text = run(helm, "template", "fraud", str(CHART), "--namespace", namespace, "-f", str(file)).stdout
    applied = control_plane.kubectl(
        "apply", "--dry-run=server", "--validate=strict", "-n", namespace, "-f", "-", input=text
    )
    assert "Warning" not in applied.stderr, applied.stderr
    assert applied.stdout.count("(server dry run)") == len([d for d in yaml.safe_load_all(text) if d])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"endpoint": {"resource": "Fraud"}}, "endpoint/resource"),
        ({"endpoint": {"maxWait": 900}}, "endpoint/maxWait"),
        ({"endpoint": {"resource": "", "name": "ml_fraud", "region": "eu-west-1"}}, "endpoint/name"),
        ({"endpoint": {"resource": "", "name": "ml-fraud", "region": "Ireland"}}, "endpoint/region"),
        ({"mode": "Batch"}, "mode"),
        ({"job": {"trigger": "PostSync"}}, "job/trigger"),
        ({"job": {"runID": "r" * 64}}, "job/runID"),
        ({"job": {"deadlineSeconds": 0}}, "job/deadlineSeconds"),
        ({"test": {"endpoint": {"name": "x"}}}, "test/endpoint"),
        ({"test": {"workers": 2}}, "test/workers"),
        ({"test": {"load": 5}}, "test/load"),
        ({"test": {"load": {"durration": "5m"}}}, "'durration' not allowed"),
        ({"test": {"lod": {}}}, "'lod' not allowed"),
        ({"test": {"payloads": {"sources": [{"file": "payloads/rows.csv", "splt": "Lines"}]}}}, "'splt' not allowed"),
        ({"test": {"load": {"open": {"rate": "200/s"}}}}, "test/load/open/rate"),
        ({"test": {"load": {"duration": 30}}}, "test/load/duration"),
        ({"test": {"thresholds": ["p99 < 80"]}}, "test/thresholds/0"),
        ({"test": {"invocation": {"operation": "InvokeEndpointAsnyc"}}}, "test/invocation/operation"),
        ({"test": {"thresholds": "p99 <= 80ms"}}, "test/thresholds"),
        ({"workers": {"replicas": 0}}, "workers/replicas"),
        ({"workers": {"replicas": 257}}, "workers/replicas"),
        ({"workers": {"replicas": "3"}}, "workers/replicas"),
        ({"workers": {"resources": {"limits": {"cpu": "1"}}}}, "workers/resources/limits/cpu"),
        ({"workers": {"count": 3}}, "'count'"),
        ({"master": {"terminationGracePeriodSeconds": 5}}, "master/terminationGracePeriodSeconds"),
        ({"results": {"s3": {"url": "https://reports/x"}}}, "results/s3/url"),
        ({"results": {"persistence": {"accessModes": ["ReadOnlyMany"]}}}, "results/persistence/accessModes"),
        ({"web": {"port": 0}}, "web/port"),
        ({"fullnameOverride": "7up"}, "fullnameOverride"),
        ({"image": {"digest": "sha256:12"}}, "image/digest"),
        ({"image": {"pullPolicy": "Sometimes"}}, "image/pullPolicy"),
        ({"networkPolicy": {"apiServerPorts": ["https"]}}, "networkPolicy/apiServerPorts"),
        ({"extraVolumeMounts": [{"name": "data"}]}, "extraVolumeMounts"),
        ({"serviceaccount": {"create": False}}, "'serviceaccount'"),
    ],
)
def test_bad_values_are_refused(helm: Path, change: dict[str, Any], told: str) -> None:
    text = json.dumps(merged(change))
    done = run(helm, "template", "fraud", str(CHART), "-f", "-", check=False, text=text)
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr
    assert told in done.stderr, done.stderr


def test_chart_without_values_asks_for_an_endpoint(helm: Path) -> None:
    done = run(helm, "template", "fraud", str(CHART), check=False)
    assert done.returncode != 0
    assert "endpoint: no endpoint is named. Set endpoint.resource" in done.stderr


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ({}, "test.load: is missing. Write for example"),
        ({"load": None}, "test.load: is missing. Write for example"),
        ({"load": {"duration": "1m"}}, "test.load: neither open nor closed is set"),
        ({"load": {"duration": "1m", "open": None}}, "test.load: neither open nor closed is set"),
        ("load: {duration: 1m}", "test.load: neither open nor closed is set"),
        ("{}", "test.load: is missing. Write for example"),
        ({"load": {"open": {"rate": 5}, "duration": "1m"}}, "test.payloads: is missing. Write for example"),
    ],
)
def test_what_a_test_lacks(helm: Path, test: dict[str, Any] | str, told: str) -> None:
    text = json.dumps({"endpoint": {"resource": "fraud"}, "test": test})
    done = run(helm, "template", "fraud", str(CHART), "-f", "-", check=False, text=text)
    assert done.returncode != 0
    assert told in done.stderr


def test_null_takes_a_part_of_other_values_away(helm: Path) -> None:
    """Another values file, or --set, puts a closed load in the place of an open one."""
    documents = render(helm, merged({"test": {"load": {"open": None, "closed": {"users": 9}}}}))
    test = yaml.safe_load(only(documents, "ConfigMap", "-test")["data"]["test.yaml"])
    parsed = parse_test(test, Overrides(), name="t", folder="/loadtest", environment={})
    assert parsed.load.closed
    assert not parsed.load.open


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda f: f.stem)
def test_each_example_of_a_test_file_fits(helm: Path, file: Path) -> None:
    test = yaml.safe_load(file.read_text())
    endpoint = {"resource": "", **test.pop("endpoint")}
    test.pop("workers", None)
    render(helm, {"endpoint": endpoint, "test": test})


BY_NAME: dict[str, Any] = {"resource": "", "name": "ml-fraud", "region": "eu-west-1"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"endpoint": {"resource": ""}}, "endpoint: no endpoint is named. Set endpoint.resource"),
        (
            {"endpoint": {"name": "ml-fraud", "region": "eu-west-1"}},
            "endpoint: both resource “fraud” and name “ml-fraud” are set. Keep endpoint.resource",
        ),
        ({"endpoint": {"region": "eu-west-1"}}, "endpoint.region: “eu-west-1” is set beside endpoint.resource “fraud”"),
        ({"endpoint": BY_NAME | {"region": ""}}, "endpoint.region: is missing beside endpoint.name “ml-fraud”"),
        ({"endpoint": BY_NAME | {"name": ""}}, "endpoint.name: is missing beside endpoint.region “eu-west-1”"),
        ({"test": {"load": {"closed": {"users": 5}}}}, "test.load: both open and closed are set"),
        (
            {"job": {"runID": "A_b"}},
            "job.runID: “A_b” cannot be a part of the names of Jobs and pods. Use lower-case letters, digits and "
            "hyphens, with a letter or digit at both ends, for example a-b",
        ),
        ({"job": {"runID": "a/b"}}, "for example a-b"),
        ({"job": {"runID": "-a"}}, "for example a"),
        ({"job": {"runID": "_"}}, "for example r1"),
        ({"job": {"runID": 20261125}}, "job.runID: 20261125 is a number. Put it in quotes"),
        ({"mode": "Interactive"}, "web.password: is missing, and Locust's page has a login. Set at least 8 characters"),
        ({"mode": "Interactive", "web": {"password": "short"}}, "web.password: has 5 characters. Set at least 8"),
        ({"mode": "Interactive", "web": {"password": 12345678}}, "web.password: is a number. Put it in quotes"),
        ({"job": {"trigger": "HelmTest"}}, "Set workers.placement: MasterPod"),
        (
            {"mode": "Interactive", "workers": {"placement": "MasterPod"}, "web": {"password": "long enough"}},
            "Set workers.placement: Pods",
        ),
        (
            {"mode": "Interactive", "test": {"search": {"maxRate": 500}}, "web": {"password": "long enough"}},
            "Set mode: Job, or take search out of the test",
        ),
        ({"test": "- a list"}, "Give a test file"),
        ({"test": "a: [1"}, "Give a test file"),
    ],
)
def test_values_that_do_not_go_together(helm: Path, change: dict[str, Any], told: str) -> None:
    done = run(helm, "template", "fraud", str(CHART), "-f", "-", check=False, text=json.dumps(merged(change)))
    assert done.returncode != 0
    assert told in done.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"job": {"runID": "a-very-long-name-of-a-run-with-63-characters-as-its-name-may-ha"}},
        {"job": {"trigger": "ArgoPostSync"}},
        {"mode": "Interactive", "web": {"password": "long enough"}},
    ],
)
def test_names_stay_within_limits(helm: Path, control_plane: Cluster, change: dict[str, Any]) -> None:
    """The longest release name; a worker's host name is the Job's name with its index."""
    values = merged(change, {"workers": {"replicas": 256}})
    documents = render(helm, values, LONG)
    for document in documents:
        name = document["metadata"]["name"]
        assert len(name) + (len("-255") if document["kind"] == "Job" else 0) <= 63, name
    text = yaml.safe_dump_all(documents).replace("namespace: ml", "namespace: default")
    control_plane.kubectl("apply", "--dry-run=server", "--validate=strict", "-n", "default", "-f", "-", input=text)
    other = {d["metadata"]["name"] for d in render(helm, values, LONG[:-1])}
    assert not other & {d["metadata"]["name"] for d in documents}, "two releases with long names share nothing"


@pytest.mark.parametrize("release", ["7", "7up", "1e5", "42-a-release-name-of-the-greatest-length-that-helm-1"])
def test_release_whose_name_begins_with_a_digit(helm: Path, control_plane: Cluster, release: str) -> None:
    """Helm takes it; a Service's name begins with a letter."""
    documents = render(helm, merged({"workers": {"replicas": 256}}), release)
    assert {d["metadata"]["name"][:3] for d in documents} == {"lt-"}
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
    control_plane.kubectl("apply", "--dry-run=server", "--validate=strict", "-n", "default", "-f", "-", input=text)


@pytest.mark.parametrize(
    ("trigger", "placement", "run_id"), [("HelmTest", "MasterPod", "$(POD_NAME)"), ("ArgoPostSync", "Pods", "r1")]
)
def test_hook_that_runs_again_has_a_folder_of_its_own(helm: Path, trigger: str, placement: str, run_id: str) -> None:
    """A hook is rendered once. Workers in other pods know their master by the run's name, so that stays theirs."""
    where = {"results": {"s3": {"url": "s3://reports/x/"}}, "workers": {"placement": placement}}
    master = pods(render(helm, merged(where, {"job": {"trigger": trigger}})))["master"]
    (container,) = master["spec"]["containers"]
    field = {"fieldRef": {"fieldPath": "metadata.name"}}
    assert {"name": "POD_NAME", "valueFrom": field} in container["env"]
    assert "--out=/results/$(POD_NAME)" in container["args"]
    assert "--results-s3=s3://reports/x/$(POD_NAME)/" in container["args"]
    assert f"--run-id={run_id}" in container["args"]


def test_run_of_a_revision_has_the_revisions_folder(helm: Path) -> None:
    (container,) = pods(render(helm, BASE))["master"]["spec"]["containers"]
    assert "--out=/results/r1" in container["args"]


@pytest.mark.parametrize("run_id", ["20261125", "1e5", "null", "0x1f"])
def test_names_that_look_like_numbers_stay_texts(helm: Path, run_id: str) -> None:
    """A pipeline's own number is the run's name; Kubernetes takes no number for a label."""
    documents = render(helm, merged({"job": {"runID": run_id}, "endpoint": {"resource": "42"}}), release="7")
    labelled = [d["metadata"]["labels"] for d in documents]
    labelled += [t["metadata"]["labels"] for t in pods(documents).values()]
    labelled += [only(documents, "Service")["spec"]["selector"]]
    assert {(k, v) for labels in labelled for k, v in labels.items() if not isinstance(v, str)} == set()
    assert only(documents, "Service")["spec"]["selector"]["sagemaker-operator.io/run"] == run_id
    assert only(documents, "Role")["rules"][0]["resourceNames"] == ["42"]


@pytest.mark.parametrize(
    "change",
    [
        {"test": {"load": {"open": {"rate": 7}}}},
        {"payloads": {"files": {"rows.csv": "9,9\n"}}},
        {"locustfile": {"content": "x = 1"}},
        {"web": {"password": "another password"}},
    ],
)
def test_page_starts_anew_with_what_it_read_at_its_start(helm: Path, change: dict[str, Any]) -> None:
    page = {"mode": "Interactive", "web": {"password": "long enough"}, "payloads": {"files": {"rows.csv": "1,2\n"}}}
    before, after = (pods(render(helm, merged(page, more)))["master"]["metadata"] for more in ({}, change))
    assert before["annotations"] != after["annotations"]


def test_role_has_these_rights_and_no_more(helm: Path) -> None:
    assert only(render(helm, BASE), "Role")["rules"] == [
        {
            "apiGroups": ["sagemaker-operator.io"],
            "resources": ["sagemakerendpoints"],
            "resourceNames": ["fraud"],
            "verbs": ["get"],
        },
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": ["fraud-sagemaker-loadtest-result"],
            "verbs": ["patch"],
        },
    ]
    by_name = {
        "endpoint": {"resource": "", "name": "e", "region": "eu-west-1"},
        "results": {"configMap": {"enabled": False}},
    }
    documents = render(helm, merged(by_name))
    assert not [d for d in documents if d["kind"] in ("Role", "RoleBinding")]
    assert pods(documents)["master"]["spec"]["automountServiceAccountToken"] is False


@every_file
def test_only_the_master_may_have_a_token_and_no_worker_a_cpu_limit(helm: Path, file: Path) -> None:
    for component, template in pods(render(helm, file)).items():
        (container,) = template["spec"]["containers"]
        if component == "worker":
            assert template["spec"]["automountServiceAccountToken"] is False
            assert "cpu" not in container["resources"]["limits"]
            assert float(container["resources"]["requests"]["cpu"]) >= 1
        assert template["spec"]["enableServiceLinks"] is False, "else SAGEMAKER_LOADTEST_PORT may be an address"


@every_file
def test_nothing_is_exposed(helm: Path, file: Path) -> None:
    documents = render(helm, file)
    services = [d for d in documents if d["kind"] == "Service"]
    assert all(s["spec"].get("type", "ClusterIP") == "ClusterIP" for s in services)
    assert not [d for d in documents if d["kind"] in ("Ingress", "HTTPRoute")]


def test_a_lost_worker_does_not_take_the_others_along(helm: Path) -> None:
    """A Job that fails as a whole ends its other pods; one that replaces pods adds workers that nobody waits for."""
    job = only(render(helm, BASE), "Job", "-worker-r1")["spec"]
    assert (job["completionMode"], job["backoffLimitPerIndex"]) == ("Indexed", 0)
    assert (job["completions"], job["parallelism"]) == (3, 3)
    assert "backoffLimit" not in job


def test_upgrade_is_a_new_run(helm: Path, control_plane: Cluster, tmp_path: Path) -> None:
    """Jobs cannot be changed: each revision has its own. The last result stays until the next is there."""
    control_plane.kubectl("create", "namespace", "upgrade")
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(BASE))
    common = ["--namespace", "upgrade", "--kubeconfig", str(control_plane.kubeconfig)]

    def jobs() -> set[str]:
        found = json.loads(control_plane.kubectl("get", "jobs", "-n", "upgrade", "-o", "json").stdout)
        return {
            job["metadata"]["name"].removeprefix("fraud-sagemaker-loadtest-")
            for job in found["items"]
            if "deletionTimestamp" not in job["metadata"]
        }

    run(helm, "install", "fraud", str(CHART), "-f", str(values), *common)
    assert jobs() == {"r1", "worker-r1"}
    result = ["configmap", "fraud-sagemaker-loadtest-result", "-n", "upgrade"]
    control_plane.kubectl("patch", *result, "--type=merge", "-p", '{"data": {"summary.md": "Met"}}')
    run(helm, "upgrade", "fraud", str(CHART), "-f", str(values), *common)
    assert jobs() == {"r2", "worker-r2"}
    run(helm, "upgrade", "fraud", str(CHART), "-f", str(values), "--set", "workers.replicas=5", *common)
    assert jobs() == {"r3", "worker-r3"}
    assert json.loads(control_plane.kubectl("get", *result, "-o", "json").stdout)["data"] == {"summary.md": "Met"}
    run(helm, "rollback", "fraud", "1", *common)
    assert len(jobs()) == 2
    run(helm, "uninstall", "fraud", *common)
    assert jobs() == set()


def test_readme_tells_every_value() -> None:
    values = values_of(CHART / "values.yaml")
    assert [v.path for v in values if not v.text] == []
    page = CHART / "README.md"
    golden(page, with_table(page.read_text(), values))


def test_schema_of_the_test_is_that_of_the_test_file() -> None:
    page = CHART / "values.schema.json"
    test_file = json.loads((ROOT / "docs/schemas/loadtest-v1.schema.json").read_text())
    schema = with_test(json.loads(page.read_text()), test_file)
    golden(page, json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
    assert set(schema["properties"]["test"]["properties"]) == set(test_file["properties"])
    jsonschema.Draft7Validator.check_schema(schema)


def test_schema_knows_every_value_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    schema["properties"]["test"] = {}  # that of the test file

    def compare(values: dict[str, Any], part: dict[str, Any], path: str) -> None:
        if part.get("additionalProperties") is not False:
            return
        known = set(part["properties"]) - ({"global"} if not path else set())
        if path.endswith("resources"):
            assert set(values) <= known
            return
        assert set(values) == known, path
        for key, value in values.items():
            if isinstance(value, dict):
                compare(value, part["properties"][key], f"{path}.{key}")

    compare(yaml.safe_load((CHART / "values.yaml").read_text()), schema, "")
