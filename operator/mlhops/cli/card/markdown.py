"""A card as Markdown with the front matter of a Hugging Face model card."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlhops.cli.card import wording
from mlhops.cli.card.entries import CardEntry, GateFinding, ModelCard, not_stated

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

_MARKS = re.compile(r"([\\`*_\[\]<>&|~$#])")


def escaped(value: str) -> str:
    """Return foreign text in one line that Markdown takes for text alone."""
    return _MARKS.sub(r"\\\1", wording.one_line(value))


def markdown(card: ModelCard) -> str:
    """Return the card."""
    import yaml

    head = yaml.safe_dump(_front(card), sort_keys=False, allow_unicode=True, width=1000)
    return "\n".join([f"---\n{head}---\n", *_body(card)]).rstrip() + "\n"


def _front(card: ModelCard) -> Manifest:
    """Return what Hugging Face reads: tags, and results by gate; a number that is no number is left out."""
    results: list[Json] = [_metric(each) for each in card.findings if each.estimate is not None]
    index: list[Json] = []
    if results and card.evidence is not None:
        data: Manifest = {"type": "held-out", "name": "held-out data of the gates"}
        if card.evidence.data_digest:
            data["revision"] = card.evidence.data_digest
        kind = "regression" if card.task == "Regression" else "classification"
        task: Json = {"type": f"tabular-{kind}"}
        result: Manifest = {"task": task, "dataset": data, "metrics": results}
        index = [{"name": f"{card.name} {card.version}", "results": [result]}]
    return {
        "tags": ["clinical", "mlhops"],
        "model_name": card.name,
        "version": card.version,
        **({"model-index": index} if index else {}),
    }


def _metric(of: GateFinding) -> Json:
    where = f" ({wording.one_line(of.group)})" if of.group else ""
    return {
        "type": of.metric,
        "name": f"{of.name}: {of.what}{where}",
        "value": of.estimate,
        "args": {"gate": of.name, "verdict": of.phase, "overridden": of.overridden},
        "verified": False,
    }


def _body(card: ModelCard) -> Iterator[str]:
    yield f"# {escaped(card.name)} {escaped(card.version)}\n"
    yield f"Revision `{_code(card.revision) or 'none'}` in `{_code(card.namespace)}`; it is: {card.role}.\n"
    for note in card.notes:
        yield f"> {escaped(note)}\n"
    gaps = not_stated(card)
    if gaps:
        yield f"Not stated: {', '.join(escaped(each.title) for each in gaps)}.\n"
    for section in card.sections:
        yield f"## {escaped(section.title)}\n"
        for entry in section.entries:
            yield from _entry(entry)
    yield from _results(card)
    yield from _evidence(card)


def _code(value: str) -> str:
    return wording.one_line(value).replace("`", "'")


def _entry(entry: CardEntry) -> Iterator[str]:
    whence = f"({escaped(wording.whence(entry))})"
    if len(entry.values) > 1:
        yield f"**{escaped(entry.title)}** {whence}:\n"
        yield from (f"- {escaped(value)}" for value in entry.values)
        yield ""
    else:
        yield f"**{escaped(entry.title)}**: {escaped(entry.text)} {whence}\n"


def _results(card: ModelCard) -> Iterator[str]:
    yield "## Results\n"
    if not card.findings:
        yield "Nothing was measured.\n"
        return
    yield "| Gate | For | Measure | Worst group | Estimate | Interval | Limit | Verdict |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for each in card.findings:
        cells = (
            escaped(each.name),
            wording.weight(each),
            escaped(each.what),
            escaped(each.group) or wording.NONE,
            wording.number(each.estimate, each.unit),
            wording.interval(each.lower, each.upper),
            wording.number(each.limit, each.unit),
            escaped(wording.verdict(each)),
        )
        yield f"| {' | '.join(cells)} |"
    yield ""
    for each in card.findings:
        yield from _finding(each, card.task)


def _finding(of: GateFinding, task: str) -> Iterator[str]:
    yield f"### {escaped(of.name)}\n"
    for said in filter(None, (of.goal, of.message)):
        yield f"{escaped(said)}\n"
    if not of.groups:
        return
    yield "| Group | Rows | Positive | Own | Compared with | Gap | Interval | Verdict |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for each in of.groups:
        cells = (
            escaped(each.group),
            wording.count(each.rows),
            wording.positives(each, task),
            wording.number(each.rate, of.unit),
            wording.number(each.rest, of.unit),
            wording.number(each.gap, of.unit),
            wording.interval(each.lower, each.upper),
            escaped(each.phase),
        )
        yield f"| {' | '.join(cells)} |"
    yield ""


def _evidence(card: ModelCard) -> Iterator[str]:
    found = card.evidence
    if found is None:
        return
    ended = f", ended {found.finished.isoformat(timespec='seconds')}" if found.finished else ""
    report = f"; its report is `{_code(found.report)}`" if found.report else ""
    sealed = f", `{_code(found.report_digest)}`" if found.report_digest else ""
    yield f"Measured by Evaluation `{_code(found.name)}` (uid `{_code(found.uid)}`){ended}{report}{sealed}."
