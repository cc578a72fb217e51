"""KServe's own storage initializer, as the lab starts it: folders, https, and last words that name what is missing."""

import os
import subprocess
from pathlib import Path

from lab.certificates import Authority
from lab.storage import initializer
from tests.unit.evaluator.remote import unruly_server


def fetched(uri: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """What the initializer does with a URI and a folder."""
    return subprocess.run(
        [*initializer(), uri, folder],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_of_this_machine_is_there_afterwards(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "model.joblib").write_text("m")
    done = fetched(f"file://{source}", tmp_path / "models")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "models" / "model.joblib").read_text() == "m"


def test_a_file_is_read_over_https_only_from_whom_the_bundle_knows(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "certificates", "authority")
    with unruly_server(b"m", authority.server("web", ["127.0.0.1"])) as web:
        uri = web.url("/there/model.joblib")
        done = fetched(uri, tmp_path / "models", REQUESTS_CA_BUNDLE=str(authority.certificate))
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "models" / "model.joblib").read_bytes() == b"m"
        refused = fetched(uri, tmp_path / "other")
    assert refused.returncode == 1
    assert "certificate verify failed" in refused.stdout + refused.stderr


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    done = fetched(f"file://{tmp_path}/nowhere", tmp_path / "models")
    assert done.returncode == 1
    assert f"{tmp_path}/nowhere" in done.stdout + done.stderr
