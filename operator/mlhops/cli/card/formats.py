"""The formats of a card, and which of their required fields nobody has stated."""

from __future__ import annotations

from mlhops.cli.card.entries import ModelCard, not_stated

FORMATS = ("html", "md", "chai", "cyclonedx", "hti1", "fhir", "json")
"""What `-o` takes."""


def rendered(card: ModelCard, form: str, spec: str = "1.6") -> str:
    """Return a card in a format other than json, which views share.

    Args:
        card: the card.
        form: the format.
        spec: the version of CycloneDX.
    """
    match form:
        case "md":
            from mlhops.cli.card.markdown import markdown

            return markdown(card)
        case "chai":
            from mlhops.cli.card.chai import chai

            return chai(card)
        case "cyclonedx":
            from mlhops.cli.card.cyclonedx import cyclonedx

            return cyclonedx(card, "1.7" if spec == "1.7" else "1.6")
        case "hti1":
            from mlhops.cli.card.hti1 import hti1

            return hti1(card)
        case "fhir":
            from mlhops.cli.card.fhir import fhir

            return fhir(card)
        case "html":
            from mlhops.cli.card.page import page

            return page(card)
    raise ValueError(f"{form} is no format of a card")


def gaps(card: ModelCard, form: str) -> tuple[str, ...]:
    """Return what a format requires and nobody has stated: fields of the card, or attributes of HTI-1."""
    if form == "hti1":
        from mlhops.cli.card.hti1 import ATTRIBUTES, answer

        return tuple(
            f"{each.number} {each.name}" for each in ATTRIBUTES if not answer(card, each).stated
        )
    keys: tuple[str, ...] = ()
    if form in ("chai", "fhir"):
        from mlhops.cli.card.chai import REQUIRED

        keys = REQUIRED
    return tuple(f"{each.title} ({each.origin})" for each in not_stated(card, keys))
