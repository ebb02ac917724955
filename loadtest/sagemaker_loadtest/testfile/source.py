"""One item of `payloads.sources` in a test file."""

from sagemaker_loadtest.api.spec import SOURCE_LIMIT_BYTES, PayloadSource, Split
from sagemaker_loadtest.testfile.fields import Fields

_SPLITS: tuple[Split, ...] = ("Whole", "Lines", "Rows", "DataCapture")
_STEPPED = ("Lines", "Rows")


def parse_source(source: Fields, content_type: str | None) -> PayloadSource:
    """Where bodies come from and how they are cut; `content_type` is that of all sources that name none."""
    split = source.choice("split", _SPLITS)
    per_request = source.number("linesPerRequest", None, low=1, high=1_000_000, whole=True)
    if per_request is not None and split not in _STEPPED:
        source.fault("linesPerRequest", "only goes with split: Lines and split: Rows")
    skipped = source.number("skipLines", None, low=0, high=1_000_000, whole=True)
    if skipped is not None and split != "Lines":
        source.fault("skipLines", "only goes with split: Lines")
    own_type = source.text("contentType", example="text/csv")
    if not own_type and not content_type and split in ("Whole", "Lines"):
        source.fault("contentType", "is missing, here and in payloads; write for example contentType: text/csv")
    weight = source.number("weight", None, low=0.001, high=1e9)
    limit = source.number("maxBytes", SOURCE_LIMIT_BYTES, low=1, high=2**40, whole=True)
    return PayloadSource(
        file=source.text("file", required=True, example="rows.csv") or "",
        split=split,
        lines_per_request=int(per_request or 1),
        content_type=own_type,
        accept=source.text("accept", example="text/csv"),
        skip_lines=int(skipped or 0),
        weight=weight,
        template=source.choice("template", (False, True)),
        limit_bytes=int(limit or SOURCE_LIMIT_BYTES),
    )
