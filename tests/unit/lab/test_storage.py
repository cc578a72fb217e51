"""The storage initializer's copies and refusals."""

from pathlib import Path

import pytest

from lab.storage import Failed, fetch


def test_a_folder_is_copied(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "model.joblib").write_text("m")
    fetch(f"file://{source}", tmp_path / "models")
    assert (tmp_path / "models" / "model.joblib").read_text() == "m"


@pytest.mark.parametrize("uri", ["s3://bucket/model", "gs://bucket/model", "file:///no/such/file"])
def test_what_cannot_be_had_is_named(tmp_path: Path, uri: str) -> None:
    with pytest.raises(Failed, match=uri.removeprefix("file://")):
        fetch(uri, tmp_path)
