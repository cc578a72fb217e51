"""Writes a CycloneDX bill of materials for each image: what its requirement set pins, for the image's Python.

It follows from committed files alone, so the same commit gives the same bytes. Licences are as
docs/licences.md tells them. What the base image holds besides Python is not listed: ask a scanner of images.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseAcknowledgement
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from packageurl import PackageURL

from tools import licences
from tools.pins import Image, Pin, images

_MACHINES = ("x86_64", "aarch64")
_BASE = re.compile(r"(?P<name>[^:@]+):(?P<tag>[^@]+)@sha256:(?P<digest>[0-9a-f]{64})")


def bill(image: Image, version: str, declared: Mapping[Pin, str]) -> str:
    """Return an image's bill of materials, as JSON of CycloneDX 1.6.

    A component has the hashes of all files that may be installed for it; the image has one of these.

    Args:
        image: what it holds.
        version: of this project.
        declared: the licences of releases.

    Raises:
        ValueError: the base has no digest, or what is installed depends on the machine.
    """
    root = Component(
        name=f"mlhops/{image.name}", version=version, type=ComponentType.CONTAINER, bom_ref="image"
    )
    own = Component(
        name="mlhops", version=version, bom_ref="mlhops", licenses=_licences("Apache-2.0")
    )
    parts = [_base(image), own, *(_component(pin, declared) for pin in held(image))]
    bom = Bom(components=parts, serial_number=UUID(int=0))
    bom.metadata.component = root
    # With a time or a number of its own each run would make another file.
    bom.metadata.timestamp = None  # type: ignore[assignment]
    bom.register_dependency(root, parts)
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    return text.replace(str(UUID(int=0)), str(uuid5(NAMESPACE_URL, text))) + "\n"


def held(image: Image) -> list[Pin]:
    """Return the pins that are installed in an image.

    Raises:
        ValueError: that depends on the machine.
    """
    found: list[Pin] = []
    for pin in image.pins:
        answers = {_is_for(pin, image.python, machine) for machine in _MACHINES}
        if len(answers) > 1:
            raise ValueError(
                f"{image.name}: whether {pin.name} is installed depends on the machine"
            )
        if True in answers:
            found.append(pin)
    return found


def _is_for(pin: Pin, python: str, machine: str) -> bool:
    environment = {
        "implementation_name": "cpython",
        "implementation_version": python,
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": "linux",
    }
    return pin.marker is None or pin.marker.evaluate(environment)


def _base(image: Image) -> Component:
    parts = _BASE.fullmatch(image.base)
    if parts is None:
        raise ValueError(f"{image.name}: its base {image.base} has no digest")
    return Component(
        name=parts["name"],
        version=parts["tag"],
        type=ComponentType.CONTAINER,
        bom_ref="base",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=parts["digest"])],
    )


def _component(pin: Pin, declared: Mapping[Pin, str]) -> Component:
    purl = PackageURL("pypi", name=pin.name, version=pin.release)
    return Component(
        name=pin.name,
        version=pin.release,
        bom_ref=str(purl),
        purl=purl,
        licenses=_licences(declared.get(pin, licences.UNKNOWN)),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in pin.hashes],
    )


def _licences(says: str) -> list[License]:
    """Return what a release declares: by its SPDX name if it uses one, else in its own words."""
    if says in (licences.UNKNOWN, licences.NONE):
        return []
    declared = LicenseAcknowledgement.DECLARED
    factory = LicenseFactory()
    for words in says.split("; "):
        found = factory.make_from_string(words, license_acknowledgement=declared)
        if not isinstance(found, DisjunctiveLicense) or found.id is not None:
            return [found]
    return [DisjunctiveLicense(name=says, acknowledgement=declared)]


def bills(repository: Path) -> dict[str, str]:
    """Return the bill of each image of a checkout, by the file's name.

    Raises:
        ValueError: one is not as the schema of CycloneDX has it.
    """
    # It compiles grammars for seconds, which whoever imports this module need not wait for.
    from cyclonedx.validation.json import JsonStrictValidator

    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    declared = licences.written((repository / licences.FILE).read_text())
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    made: dict[str, str] = {}
    for image in images(repository):
        text = bill(image, project["version"], declared)
        problem = validator.validate_str(text)
        if problem is not None:
            raise ValueError(f"{image.name}: {problem}")
        made[f"{image.name}.cdx.json"] = text
    return made


def main(argv: list[str] | None = None) -> int:
    """Write the bills of materials into a folder, or with --check see that they can be made."""
    parser = argparse.ArgumentParser(prog="python -m tools.sbom", description=main.__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("sbom"))
    parser.add_argument("--repository", type=Path, default=Path())
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(argv)
    made = bills(options.repository)
    if options.check:
        return 0
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (options.folder / name).write_text(text)
        print(f"wrote {options.folder / name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
