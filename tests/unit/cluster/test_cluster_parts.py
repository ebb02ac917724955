"""The pure parts of the cluster with a node: archives, arguments and configuration that fit together, requirements."""

import asyncio
import fcntl
import hashlib
import json
import re
import socket
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from cluster import arguments, buildah, configuration, credentials, forward, images, keeper, requirements
from cluster.buildah import Buildah
from cluster.errors import ImageError
from devcluster.progress import Silent


def test_the_archive_of_one_program_is_an_oci_image(tmp_path: Path) -> None:
    """Each blob lies under its own digest, and the way from the index to the layer is whole."""
    program = tmp_path / "pause"
    program.write_bytes(b"\x7fELF")
    images.write_single(program, "localhost/pause:1", tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    blobs = {f"sha256:{name.rpartition('/')[2]}": content for name, content in files.items() if "blobs/" in name}
    assert all(digest == f"sha256:{hashlib.sha256(content).hexdigest()}" for digest, content in blobs.items())
    [entry] = json.loads(files["index.json"])["manifests"]
    assert entry["annotations"] == {"io.containerd.image.name": "localhost/pause:1"}
    manifest = json.loads(blobs[entry["digest"]])
    config, [layer] = json.loads(blobs[manifest["config"]["digest"]]), manifest["layers"]
    assert config["config"]["Entrypoint"] == ["/pause"]
    assert config["rootfs"]["diff_ids"] == [layer["digest"]]
    assert layer["size"] == len(blobs[layer["digest"]])


def test_each_file_that_a_program_is_given_is_written(tmp_path: Path) -> None:
    credentials.write(tmp_path, "https://127.0.0.1:1")
    configuration.write(tmp_path, cgroup="c", runc=Path("/usr/sbin/runc"), plugins=tmp_path)
    words = [
        *(*arguments.apiserver(), *arguments.controller_manager(), *arguments.scheduler(), *arguments.proxy()),
        *(*arguments.kubelet(tmp_path), *arguments.containerd()),
    ]
    named = {word.partition("=")[2] for word in words if re.search(r"\.(crt|key|pub|kubeconfig|json|toml)$", word)}
    assert len(named) > 10
    assert [name for name in named if not (tmp_path / name).is_file()] == []


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    credentials.write(tmp_path, "https://127.0.0.1:1")
    secret = [*tmp_path.glob("pki/*.key"), *tmp_path.glob("*kubeconfig")]
    assert len(secret) > 10
    assert {path.stat().st_mode & 0o777 for path in secret} == {0o600}


def test_the_nodes_certificate_serves_and_the_others_do_not(tmp_path: Path) -> None:
    credentials.write(tmp_path, "https://127.0.0.1:1")

    def purposes(file: str) -> set[str]:
        certificate = x509.load_pem_x509_certificate((tmp_path / f"pki/{file}.crt").read_bytes())
        return {each._name for each in certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value}

    assert purposes("node") == purposes("apiserver") == {"serverAuth", "clientAuth"}
    assert purposes("admin") == purposes("scheduler") == {"clientAuth"}


@pytest.mark.parametrize(
    ("line", "share"),
    [
        ("STEP 1/4: FROM base", 0),
        ("STEP 3/4: RUN x", 50),
        ("[2/4] STEP 1/2: FROM y", 25),
        ("[4/4] STEP 2/2: RUN z", 87),
    ],
)
def test_a_builds_share_counts_stages_and_steps(line: str, share: int) -> None:
    step = buildah._STEP.match(line)
    assert step
    assert buildah._share(*step.groups()) == share


def test_a_build_that_fails_says_what_buildah_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin/buildah"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'STEP 1/2: FROM x'\necho 'no such lock' >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    with pytest.raises(ImageError, match=r"cannot be built\. buildah says:\nSTEP 1/2: FROM x\nno such lock"):
        Buildah(tmp_path / "images").build(tmp_path, "operator", "x:1", Silent())


def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert requirements.missing() == "it needs root: namespaces, mounts and cgroups"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name, path=None: None if name in ("runc", "buildah") else f"/bin/{name}")
    assert requirements.missing() == "it needs: apt-get install runc buildah"
    monkeypatch.setattr("sys.platform", "darwin")
    assert requirements.missing() == "it needs Linux"


def test_a_cache_that_the_node_cannot_see_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.access", lambda *_arguments: True)
    monkeypatch.setattr("shutil.which", lambda name, path=None: f"/bin/{name}")
    monkeypatch.setenv("SAGEMAKER_OPERATOR_CACHE", "/var/lib/cache")
    assert requirements.missing().startswith("the cache must not lie in /var/lib/cache")


def test_only_what_a_dead_keeper_left_is_removed(tmp_path: Path) -> None:
    """A live one holds its record locked."""
    folders = {name: tmp_path / name for name in ("dead", "alive")}
    for name, folder in folders.items():
        folder.mkdir()
        keeper.Record(f"nowhere-{name}", folder).write(tmp_path / f"{name}.json")
    with (tmp_path / "alive.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert keeper.clean_dead(tmp_path) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alive", "alive.json"]


def test_a_record_that_was_cut_short_is_removed(tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text('{"cgro')
    assert keeper.clean_dead(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_connections_are_passed_on_in_both_directions() -> None:
    """Also after one side has said all: kubectl's uploads end so."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"heard " + await reader.read())
        writer.close()

    async def ask() -> tuple[bytes, bytes]:
        behind = await asyncio.start_server(answer, "127.0.0.1", 0)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            forwarding = asyncio.create_task(
                forward.forward(listening, "127.0.0.1", behind.sockets[0].getsockname()[1])
            )
            replies = [await exchange(listening.getsockname()[1], word) for word in (b"one", b"two" * 100_000)]
            behind.close()
            forwarding.cancel()
            await asyncio.gather(forwarding, return_exceptions=True)
        return replies[0], replies[1]

    async def exchange(port: int, word: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(word)
        writer.write_eof()
        said: Any = await reader.read()
        writer.close()
        await writer.wait_closed()
        return bytes(said)

    async def bounded() -> tuple[bytes, bytes]:
        async with asyncio.timeout(20):  # a side that never hears the end would wait for ever
            return await ask()

    assert asyncio.run(bounded()) == (b"heard one", b"heard " + b"two" * 100_000)
