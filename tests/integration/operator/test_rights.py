"""The shipped rights are enough and not more: seen in the API server's audit log and local SageMaker's call log."""

import json
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
USER = "system:serviceaccount:sagemaker-operator:sagemaker-operator"


def everything(ns: Any, account: Any, local: Any, release: Any, variant: Any, eventually: Any) -> None:
    """All that the operator does: create, update, fail, scale, retag, repair, delete."""
    ns.apply(release(1, tags={"a": "1"}))
    ns.wait("Synced")
    ns.apply(release(2, tags={"b": "1"}))
    ns.wait("Synced")
    ns.apply(release(2, count=2, tags={"b": "1"}))
    ns.wait("Synced")
    ns.apply({"variants": [variant(image="test/broken:1")]})
    ns.wait("RolledBack")
    assert ns.status()["failure"]["logExcerpt"]
    ns.apply(release(2, count=2))
    ns.wait("Synced")
    looks = len(local.calls(account.id, "ListTags"))
    eventually(lambda: len(local.calls(account.id, "ListTags")) > looks, what="a drift look")
    ns.delete()


def granted() -> set[tuple[str, str, str]]:
    """(verb, resource with subresource, name or *) of the operator's roles."""
    documents = yaml.safe_load_all((ROOT / "manifests/rbac.yaml").read_text(encoding="utf-8"))
    return {
        (verb, resource, name)
        for document in documents
        if document["kind"].endswith("Role")
        for rule in document["rules"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", ["*"])
        for verb in rule["verbs"]
    }


def test_every_right_in_the_cluster_is_used_and_none_is_missing(
    ns: Any, account: Any, local: Any, start: Any, release: Any, variant: Any, eventually: Any, control_plane: Any
) -> None:
    """Watching all namespaces, as the Deployment does. The audit log has the requests of all tests before, too."""
    control_plane.kubectl("-n", "sagemaker-operator", "delete", "lease", "sagemaker-operator", "--ignore-not-found")
    assert start(namespace="").url
    everything(ns, account, local, release, variant, eventually)
    assert control_plane.audit_log is not None
    lines = control_plane.audit_log.read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines if USER in line]
    mine = [entry for entry in entries if entry["user"]["username"] == USER and "objectRef" in entry]
    codes = [(entry["verb"], entry["requestURI"]) for entry in mine if entry["responseStatus"]["code"] in (401, 403)]
    in_dying_namespaces = [entry for entry in codes if entry[1].endswith("/events?") or "/events" in entry[1]]
    assert [entry for entry in codes if entry not in in_dying_namespaces] == []
    used = set()
    for entry in mine:
        where = entry["objectRef"]
        resource = where["resource"] + (f"/{where['subresource']}" if "subresource" in where else "")
        used |= {(entry["verb"], resource, "*"), (entry["verb"], resource, where.get("name", "*"))}
    assert granted() - used == set(), "granted and not used"


def test_the_iam_policy_has_exactly_the_actions_that_are_used(
    ns: Any, account: Any, local: Any, start: Any, release: Any, variant: Any, eventually: Any
) -> None:
    """iam:PassRole is no call of its own: AWS checks it in CreateModel. sagemaker-operator names itself to AWS."""
    assert start().url
    everything(ns, account, local, release, variant, eventually)
    services = {"GetCallerIdentity": "sts", "DescribeLogStreams": "logs", "GetLogEvents": "logs"}
    used = {call["operation"] for call in local.by_operator(account.id)}
    policy = json.loads((ROOT / "manifests/iam/operator-policy.json").read_text(encoding="utf-8"))
    allowed = {
        action
        for statement in policy["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert {f"{services.get(name, 'sagemaker')}:{name}" for name in used} | {"iam:PassRole"} == allowed
