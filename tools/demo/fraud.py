"""Generated claims with the shape of a known fraud data set, two models of them, their archives. Run as a program.

18 numeric columns, then 40 one-hot columns in ten groups; about one claim in thirty is fraud. Nothing is copied: the
values come from a seeded generator, so that the same versions give the same archives.
"""

import argparse
import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xgboost
from numpy.typing import NDArray

from demo.fraud_shape import ROWS, TREES

_TRAINING_ROWS = 12_000
_GROUPS = (5, 4, 3, 4, 5, 4, 4, 4, 4, 3)
"""State, liability, gender, education, driver's relation, incident, collision, severity, authority, police report."""
_SEED = 20
_PARAMETERS = {
    "objective": "binary:logistic",
    "max_depth": 3,
    "eta": 0.2,
    "tree_method": "hist",
    "seed": 1,
    "nthread": 2,
}


@dataclass(frozen=True, slots=True)
class Claims:
    rows: NDArray[np.float32]
    fraud: NDArray[np.bool_]


def claims(number: int, seed: int = _SEED) -> Claims:
    """So many claims, the same for the same seed."""
    random = np.random.default_rng(seed)
    low = np.array([0, 0, 0, 18, 0, 0, 1, 0, 0, 10_000, 1995, 0, 1, 1, 0, 0, 0, 0])
    high = np.array([9000, 2500, 2600, 80, 400, 5, 5, 4, 5, 99_999, 2025, 12_000, 13, 29, 7, 24, 4000, 2])
    numeric = random.integers(low, high, size=(number, len(low)))
    groups = [np.eye(size)[random.integers(0, size, number)] for size in _GROUPS]
    rows = np.hstack([numeric, *groups]).astype(np.float32)
    injury, age, months, hour = rows[:, 11] / 12_000, rows[:, 3], rows[:, 4] / 400, rows[:, 15]
    alone, no_report = rows[:, 18 + 25], rows[:, 18 + 37]
    score = 4 * injury + 2 * alone * no_report + (hour < 6) + (age < 25) - 2 * months + random.normal(0, 0.7, number)
    return Claims(rows, score > np.quantile(score, 1 - 1 / 30))


def train(folder: Path) -> None:
    """Writes `champion.tar.gz`, `challenger.tar.gz`, and what they were made of."""
    known = claims(_TRAINING_ROWS)
    data = xgboost.DMatrix(known.rows, label=known.fraud)
    for name, trees in TREES.items():
        booster = xgboost.train(_PARAMETERS, data, num_boost_round=trees)
        (folder / f"{name}.tar.gz").write_bytes(packed(bytes(booster.save_raw("json"))))
    (folder / "recipe.json").write_text(json.dumps({"recipe": recipe()}))


def recipe() -> str:
    """Changes when this file or the version of XGBoost does."""
    return hashlib.sha256(Path(__file__).read_bytes() + xgboost.__version__.encode()).hexdigest()


def trained(folder: Path) -> bool:
    """Whether the archives of an earlier run are what a new one would make."""
    files = [folder / f"{name}.tar.gz" for name in TREES]
    made_of = folder / "recipe.json"
    return all(file.is_file() for file in [*files, made_of]) and json.loads(made_of.read_text())["recipe"] == recipe()


def packed(model: bytes) -> bytes:
    """The archive that SageMaker's XGBoost container wants: one file at the root. Equal for equal models."""
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb", mtime=0) as compressed:  # noqa: SIM117 - the order matters
        with tarfile.open(fileobj=compressed, mode="w") as archive:
            entry = tarfile.TarInfo("xgboost-model")
            entry.size = len(model)
            archive.addfile(entry, io.BytesIO(model))
    return content.getvalue()


def write_rows(path: Path) -> None:
    """`ROWS` claims that no model was trained with, as CSV without header and label."""
    rows = claims(ROWS, _SEED + 1).rows.astype(int)
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows.tolist()))


def predict(archive: Path, rows: Path) -> list[float]:
    """By the model in the archive, in this process."""
    with tarfile.open(archive) as files:
        entry = files.extractfile("xgboost-model")
        if entry is None:
            raise FileNotFoundError(f"{archive} has no file xgboost-model")
        booster = xgboost.Booster(model_file=bytearray(entry.read()))
    predictions: list[float] = booster.predict(
        xgboost.DMatrix(np.loadtxt(rows, delimiter=",", dtype=np.float32))
    ).tolist()
    return predictions


def main() -> None:
    """Writes JSON to standard output: whether models were made, or the predictions."""
    parser = argparse.ArgumentParser(prog="demo.fraud", description="Makes the demo's models, or predicts with one.")
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("train", help="make what is missing in a folder")
    making.add_argument("folder", type=Path)
    making.add_argument("--anew", action="store_true", help="make it even if it is there")
    predicting = commands.add_parser("predict", help="the predictions for rows of a CSV file")
    predicting.add_argument("archive", type=Path)
    predicting.add_argument("rows", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "predict":
        print(json.dumps(predict(arguments.archive, arguments.rows)))
        return
    made = arguments.anew or not trained(arguments.folder)
    if made:
        train(arguments.folder)
    write_rows(arguments.folder / "rows.csv")
    print(json.dumps({"made": made}))


if __name__ == "__main__":
    main()
