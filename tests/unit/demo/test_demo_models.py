"""The generated claims and the models' archives."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from demo import fraud
from demo.fraud_shape import FEATURES, ROWS, TREES


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    fraud.train(folder)
    fraud.write_rows(folder / "rows.csv")
    return folder


def test_claims_have_the_known_shape() -> None:
    known = fraud.claims(3000)
    assert known.rows.shape == (3000, FEATURES)
    assert (known.rows == known.rows.astype(int)).all(), "a CSV row loses nothing"
    groups = np.split(known.rows[:, 18:], np.cumsum(fraud._GROUPS)[:-1], axis=1)
    assert len(groups) == 10
    assert all((group.sum(axis=1) == 1).all() for group in groups)
    assert known.fraud.mean() == pytest.approx(1 / 30, abs=0.002)


def test_the_same_seed_gives_the_same_claims() -> None:
    assert (fraud.claims(50, 3).rows == fraud.claims(50, 3).rows).all()
    assert (fraud.claims(50, 3).rows != fraud.claims(50, 4).rows).any()


def test_an_archive_has_the_model_alone_at_its_root(models: Path) -> None:
    for name, trees in TREES.items():
        with tarfile.open(models / f"{name}.tar.gz") as archive:
            (entry,) = archive.getmembers()
            content = archive.extractfile(entry)
            assert entry.name == "xgboost-model"
            assert content is not None
            learner = json.load(content)["learner"]
        assert learner["gradient_booster"]["model"]["gbtree_model_param"]["num_trees"] == str(trees)
        assert learner["learner_model_param"]["num_feature"] == str(FEATURES)


def test_training_again_gives_the_same_archives(models: Path, tmp_path: Path) -> None:
    fraud.train(tmp_path)
    for name in TREES:
        assert (tmp_path / f"{name}.tar.gz").read_bytes() == (models / f"{name}.tar.gz").read_bytes()


def test_champion_and_challenger_differ_and_have_learnt_something(models: Path) -> None:
    champion = fraud.predict(models / "champion.tar.gz", models / "rows.csv")
    challenger = fraud.predict(models / "challenger.tar.gz", models / "rows.csv")
    assert len(champion) == len(challenger) == ROWS
    assert max(abs(a - b) for a, b in zip(champion, challenger, strict=True)) > 0.01
    truth = fraud.claims(ROWS, fraud._SEED + 1).fraud
    assert np.mean(np.array(champion)[truth]) > 5 * np.mean(np.array(champion)[~truth])


def test_models_of_an_earlier_run_are_used_only_if_they_would_be_the_same(models: Path, tmp_path: Path) -> None:
    assert fraud.trained(models)
    assert not fraud.trained(tmp_path)
    for file in models.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert fraud.trained(tmp_path)
    (tmp_path / "recipe.json").write_text('{"recipe": "of another version"}')
    assert not fraud.trained(tmp_path)


def test_an_archive_of_equal_content_is_equal(tmp_path: Path) -> None:
    assert fraud.packed(b"model") == fraud.packed(b"model")
    with tarfile.open(fileobj=io.BytesIO(fraud.packed(b"model"))) as archive:
        assert archive.getmember("xgboost-model").size == 5
