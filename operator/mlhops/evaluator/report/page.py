"""The report as one HTML file that needs nothing else: no script, no request, no font.

All text that comes from a spec or from data is escaped where it is put in. The policy in the head
forbids the browser to load anything, should something slip through.
"""

from collections.abc import Iterable, Sequence

from mlhops.api.evaluation import EvaluationPhase
from mlhops.evaluator.report import plots, tables, words
from mlhops.evaluator.report.figures import Curves, Fact, GateStory, Report
from mlhops.evaluator.report.guide import GUIDE, privacy
from mlhops.evaluator.report.style import STYLE
from mlhops.evaluator.verdict.sentences import plan_sentence

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
_WIDE = 40


def page(report: Report) -> bytes:
    """Return the file."""
    parts = [_head(report), _summary(report), *_gates(report), _people(report)]
    parts += [*_curves(report), _guide(report)]
    title = words.text(f"{report.model} {report.version}: evaluation")
    text = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#gates">Skip to the gates</a>\n<div class="w">\n'
        + "\n".join(part for part in parts if part)
        + "\n</div>\n</body>\n</html>\n"
    )
    return text.encode("utf-8", "replace")


def _head(report: Report) -> str:
    style, sign, word = words.verdict(report.phase)
    said = words.HEADLINES.get(report.phase, word)
    links = [("#gates", "Gates"), ("#people", "People"), ("#roc", "ROC curves")]
    links += [("#calibration", "Calibration"), ("#reading", "How to read this")]
    there = {"#people": report.cohort, "#roc": report.curves, "#calibration": _calibrated(report)}
    items = "".join(
        f'<li><a href="{place}">{text}</a></li>' for place, text in links if there.get(place, True)
    )
    return (
        f'<header><p class="soft">Evaluation of a clinical model</p><h1><bdi>{words.text(report.model)} '
        f'{words.text(report.version)}</bdi> {said}</h1><div class="head {style}"><div class="v">'
        f'<i aria-hidden="true">{sign}</i>{word}</div><p>{words.text(report.message)}</p></div>'
        f'<dl class="facts">{"".join(map(_fact, report.facts))}</dl>'
        f'<nav aria-label="Sections"><ul>{items}</ul></nav></header><main>'
    )


def _fact(fact: Fact) -> str:
    wide = ' class="wide"' if len(fact.value) > _WIDE else ""
    return f"<div{wide}><dt>{words.text(fact.name)}</dt><dd>{words.text(fact.value)}</dd></div>"


def _summary(report: Report) -> str:
    return (
        f'<section><h2 id="gates">Gates</h2>{tables.summary(report.gates)}{_KEY}'
        f"{_plans(report.gates)}</section>"
    )


def _gates(report: Report) -> Iterable[str]:
    for number, story in enumerate(report.gates, 1):
        yield _gate(story, number)


def _gate(story: GateStory, number: int) -> str:
    gate, result = story.gate, story.result
    style, sign, word = words.verdict(result.phase)
    forests = "".join(
        tables.forest(each, f"b{number}-{place}", gate.confidence)
        for place, each in enumerate(story.forests)
    )
    return (
        f'<section class="gate {style}" aria-labelledby="gate-{number}">'
        f'<h3 id="gate-{number}">{words.text(gate.name)} <span class="v {style}">'
        f'<i aria-hidden="true">{sign}</i>{word}</span> '
        f"<small>{words.kind(gate, primary=result.primary)}</small></h3>"
        f'<p class="said">{words.text(_sentence(result.message))}</p>'
        f'<p class="soft">{words.asked(gate)}</p>{forests}</section>'
    )


def _sentence(message: str) -> str:
    text = message[:1].upper() + message[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _plans(gates: Sequence[GateStory]) -> str:
    """Return what would decide the gates that these data cannot decide."""
    found = [
        f'<li><a href="#gate-{number}">{words.text(story.gate.name)}</a>: '
        f"{words.text(plan_sentence(story.result.needed))}.</li>"
        for number, story in enumerate(gates, 1)
        if story.result.phase is EvaluationPhase.INCONCLUSIVE and story.result.needed is not None
    ]
    if not found:
        return ""
    return f'<h3 class="sub">What would decide it</h3><ul>{"".join(found)}</ul>'


_KEY = (
    '<ul class="key" aria-label="Key"><li class="ok"><svg aria-hidden="true"><line class="i" x1="0" '
    'x2="26" y1="7" y2="7"/><circle class="m" cx="13" cy="7" r="4.5"/></svg>passed</li>'
    '<li class="un"><svg aria-hidden="true"><line class="i" x1="0" x2="26" y1="7" y2="7"/>'
    '<circle class="h" cx="13" cy="7" r="4.5"/></svg>inconclusive</li>'
    '<li class="no"><svg aria-hidden="true"><line class="i" x1="0" x2="26" y1="7" y2="7"/>'
    '<path class="m" d="M7 7L13 1L19 7L13 13Z"/></svg>failed</li>'
    '<li><svg aria-hidden="true"><line class="l" x1="13" x2="13" y1="0" y2="14"/></svg>limit</li>'
    '<li><svg aria-hidden="true"><rect class="z" width="26" height="14"/></svg>acceptable</li></ul>'
)


def _people(report: Report) -> str:
    cohort = report.cohort
    if cohort is None:
        return ""
    absent = ""
    if cohort.absent:
        named = words.text(", ".join(cohort.absent))
        absent = f"<p>Nobody in the data belongs to these declared groups: {named}.</p>"
    return (
        f'<section><h2 id="people">The people in the data</h2>{tables.groups(cohort)}{absent}'
        f"{_scores(report)}</section>"
    )


def _scores(report: Report) -> str:
    if report.scores is None:
        return ""
    return (
        '<h3 class="sub">Scores</h3><figure><figcaption>How the model scores people with and without '
        "the outcome<span>Each half has its own scale: its area is all people of that kind. Bars join neighbours until "
        f"they have at least {report.smallest} people.</span></figcaption>"
        f"{plots.spread(report.scores)}"
        '<ul class="key" aria-label="Key"><li><svg aria-hidden="true"><rect class="u" width="26" '
        'height="14"/></svg>upwards: with the outcome</li><li><svg aria-hidden="true"><rect class="n" '
        'width="26" height="14"/></svg>downwards: without</li><li><svg aria-hidden="true">'
        '<line class="l" x1="13" x2="13" y1="0" y2="14"/></svg>threshold</li></ul></figure>'
    )


def _curves(report: Report) -> Iterable[str]:
    if not report.curves:
        return
    more = (
        f" {report.curves_left_out:,} more groups are not drawn." if report.curves_left_out else ""
    )
    yield (
        '<section><h2 id="roc">ROC curves</h2><p class="soft">AUROC with a 95 % interval for each '
        f"group alone. Grey: everybody; dotted: chance. Each step of a curve has at least "
        f"{report.smallest} people of either kind.{more}</p>{_panels(report.curves)}</section>"
    )
    if _calibrated(report):
        yield (
            '<section><h2 id="calibration">Calibration</h2><p class="soft">Observed rate by predicted '
            "risk, with a 95 % interval for each point alone. Grey: everybody; dotted: perfect."
            f"{more}</p>{_diagrams(report.curves)}</section>"
        )


def _calibrated(report: Report) -> bool:
    return any(each.reliability for each in report.curves)


def _panels(curves: Sequence[Curves]) -> str:
    figures = []
    for number, each in enumerate(curves):
        behind = "r0c" if number and curves[0].roc else ""
        said = each.why
        if each.area is not None:
            low, high = words.number(each.area.lower), words.number(each.area.upper)
            said = f"{words.number(each.area.estimate)} ({low} to {high})"
        picture = plots.roc(each, f"r{number}", behind) if each.roc else ""
        figures.append(_figure(each.name, said, picture))
    return f'<div class="many">{"".join(figures)}</div>'


def _diagrams(curves: Sequence[Curves]) -> str:
    top = plots.top_of(curves)
    figures = []
    for number, each in enumerate(curves):
        behind = "k0c" if number and curves[0].reliability else ""
        picture = plots.reliability(each, f"k{number}", top, behind) if each.reliability else ""
        figures.append(_figure(each.name, "" if picture else "not shown: too few cases", picture))
    return f'<div class="many">{"".join(figures)}</div>'


def _figure(name: str, said: str, picture: str) -> str:
    note = f"<span>{said}</span>" if said else ""
    return f"<figure><figcaption>{words.group(name)}{note}</figcaption>{picture}</figure>"


def _guide(report: Report) -> str:
    return (
        f'<section class="guide"><h2 id="reading">How to read this</h2>{GUIDE}{privacy(report.smallest)}</section>'
        "</main><footer>Made by the evaluator of MLHOps from the same numbers as the status of the "
        "Evaluation, whose verdict is the one that counts.</footer>"
    )
