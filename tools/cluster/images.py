"""The project's images, from its Dockerfile; and the two small ones that a node needs, which are one program each."""

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

from cluster import base_image
from cluster.buildah import Buildah
from devcluster.binaries import Sources
from devcluster.progress import Progress

ROOT = Path(__file__).parents[2]
TAG = "0.1.0"
TARGETS = ("operator", "loadtest", "local")

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Image:
    """An image as a file that containerd can import."""

    name: str
    archive: Path
    megabytes: int
    """Unpacked, with the base."""


def image_name(target: str) -> str:
    """Its full name, which `image: sagemaker-<target>:0.1.0` in a manifest means."""
    return f"docker.io/library/sagemaker-{target}:{TAG}"


def build(progress: Progress, sources: Sources | None = None, context: Path = ROOT) -> tuple[Image, ...]:
    """The three images of the Dockerfile. Raises ImageError."""
    buildah = Buildah((sources or Sources.of()).cache / "images")
    built = []
    with buildah.locked(progress):
        buildah.tidy()
        base_image.ensure(buildah, progress)
        for target in TARGETS:
            name = image_name(target)
            buildah.build(context, target, name, progress)
            progress.step(f"Packing the image {name}")
            built.append(Image(name, buildah.archive(name), buildah.size(name) // _MEGABYTE))
            progress.finish(f"Built sagemaker-{target}:{TAG}, {built[-1].megabytes} MB")
    return tuple(built)


def write_single(program: Path, name: str, archive: Path) -> None:
    """An OCI archive of one layer with the program at `/<its name>`, which the image runs."""
    layer = _tar({program.name: program.read_bytes()}, mode=0o755)
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": [f"/{program.name}"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
        }
    )
    entry = _descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
    index = _json({"schemaVersion": 2, "manifests": [{**entry, "annotations": {"io.containerd.image.name": name}}]})
    blobs = {f"blobs/sha256/{_digest(blob).partition(':')[2]}": blob for blob in (layer, config, manifest)}
    layout = _json({"imageLayoutVersion": "1.0.0"})
    archive.write_bytes(_tar({"oci-layout": layout, "index.json": index, **blobs}, mode=0o644))


def _tar(files: dict[str, bytes], mode: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _json(document: object) -> bytes:
    return json.dumps(document).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}
