"""Builds the lab's Go programs, with the machine's Go if it is new enough, else with a pinned one."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab.cache import REPOSITORY, cache_folder, digest_of, locked, say
from lab.packages import NoPackage, packages

MODULE = REPOSITORY / "lab" / "controlplane"
PINNED = REPOSITORY / "requirements" / "go.txt"

_building: dict[str, float] = {}
"""What this process is building, and since when."""


class NoGo(RuntimeError):
    """No usable Go toolchain could be found or installed."""


def go_environment() -> dict[str, str]:
    """The environment for every call of Go: this toolchain, these modules, nothing newer."""
    return {
        **os.environ,
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOWORK": "off",
    }


def program(module: Path, flags: tuple[str, ...], what: str) -> Path:
    """A module's own program, which has the name of the module's folder.

    Raises:
        NoGo, OSError, subprocess.CalledProcessError: it cannot be built.
    """
    return programs(module, flags, what) / module.name


def programs(
    module: Path, flags: tuple[str, ...], what: str, packages: tuple[str, ...] = ()
) -> Path:
    """A folder with the programs of a module, or of packages that it requires, built once.

    The cache is keyed by the sources, the flags and the machine, and not by the toolchain: a
    machine that has the programs needs no Go. Which toolchain made them stands beside them.

    Raises:
        NoGo, OSError, subprocess.CalledProcessError: they cannot be built.
    """
    sources = sorted(path for path in module.iterdir() if path.suffix in {".go", ".mod", ".sum"})
    key = digest_of(*sources, settings=(*flags, *packages))
    folder = cache_folder() / f"{module.name}-{key}"
    if not folder.exists():
        with locked(folder):
            if not folder.exists():
                _build(module, flags, packages or (".",), what, folder)
    return folder


def _build(
    module: Path, flags: tuple[str, ...], packages: tuple[str, ...], what: str, folder: Path
) -> None:
    go = find_go(module)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as temporary:
        unfinished = Path(temporary) / folder.name
        unfinished.mkdir()
        log = Path(temporary) / "go.log"
        with log.open("wb") as output:
            build = subprocess.Popen(
                [go, *flags, "-o", f"{unfinished}/", *packages],
                cwd=module,
                env=go_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                _show_progress(build, what)
            finally:
                build.kill()
                build.wait()
        if build.returncode != 0:
            raise NoGo(f"go build failed:\n{log.read_text(errors='replace').strip()[-3000:]}")
        used = subprocess.run(
            [go, "version"], capture_output=True, check=True, env=go_environment()
        )
        (unfinished / "toolchain").write_bytes(used.stdout)
        unfinished.rename(folder)


def _show_progress(build: "subprocess.Popen[bytes]", what: str) -> None:
    _building[what] = time.monotonic()
    terminal = sys.stderr.isatty()
    interval = 1.0 if terminal else 15.0
    try:
        while True:
            if what == next(iter(_building)):
                _tell(terminal=terminal)
            try:
                build.wait(interval)
            except subprocess.TimeoutExpired:
                continue
            return
    finally:
        if terminal and len(_building) == 1:
            print(file=sys.stderr)
        del _building[what]


def _tell(*, terminal: bool) -> None:
    """One line of all that is being built side by side."""
    told = []
    for what, start in list(_building.items()):
        elapsed = int(time.monotonic() - start)
        told.append(f"building {what}: {elapsed // 60}:{elapsed % 60:02d} so far")
    line = "; ".join(told)
    if terminal:
        print(f"\rlab: {line}", end="", file=sys.stderr, flush=True)
    else:
        say(line)


def required(module: Path, path: str) -> str:
    """The version in which a module requires another.

    Raises:
        NoGo: it does not.
    """
    text = (module / "go.mod").read_text()
    found = re.search(rf"^(?:require)?\s+{re.escape(path)} (\S+)", text, re.MULTILINE)
    if found is None:
        raise NoGo(f"{module / 'go.mod'} does not require {path}")
    return found.group(1)


def downloaded(module: Path, path: str) -> Path:
    """The read-only folder of a module that another requires, fetched now where it is not here.

    Raises:
        NoGo, OSError: it cannot be fetched.
    """
    done = subprocess.run(
        [find_go(module), "mod", "download", "-json", path],
        cwd=module,
        env=go_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise NoGo(f"{path} cannot be fetched: {(done.stdout + done.stderr).strip()[-1500:]}")
    return Path(json.loads(done.stdout)["Dir"])


def find_go(module: Path = MODULE) -> Path:
    """A Go that can build a module: the machine's own if it is new enough."""
    needed = _needed(module)
    found = shutil.which("go")
    if found is not None and _version(Path(found)) >= needed:
        return Path(found)
    return _install()


def _needed(module: Path) -> tuple[int, ...]:
    line = re.search(r"^go (\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
    if line is None:
        raise NoGo(f"{module / 'go.mod'} has no line that names the version of Go")
    return _numbers(line.group(1))


def _version(go: Path) -> tuple[int, ...]:
    asked = subprocess.run(
        [go, "env", "GOVERSION"],
        capture_output=True,
        text=True,
        env=go_environment(),
        cwd="/",
        check=False,
    )
    return _numbers(asked.stdout.strip().removeprefix("go")) if asked.returncode == 0 else ()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _install() -> Path:
    try:
        what = "no Go that is new enough: installing one into the cache"
        return packages(PINNED, what) / "go" / "bin" / "go"
    except NoPackage as error:
        raise NoGo(str(error)) from error
