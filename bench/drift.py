"""False alarms, power, delay and speed of the drift tests, and alibi-detect beside them.

alibi-detect runs in an environment of its own, by the interpreter that `ALIBI_PYTHON` names, or
that `make alibi` has made. Without one its rows say that it was not measured.
"""

import json
import math
import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from bench import drift_data as data
from bench.drift_data import Rows
from bench.results import Result
from mlhops.api.interface import Feature
from mlhops.api.profile import Profile
from mlhops.api.summary import Summary, merge_all
from mlhops.evaluator.profile.build import profile
from mlhops.statistics.drift.budget import AlarmRule, Budget, EffectLimit, Judged, alpha, judge
from mlhops.statistics.drift.look import EFFECTS, Suite, Watch
from mlhops.statistics.drift.sketch import Column, Sketch

SIZES = (5, 20, 100)
WINDOWS, ROWS, REFERENCES = 10_000, 250, 20
"""Windows without a shift, rows of each, and references that they are shared among."""
REPLICAS, MERGED = 8, 300
EVERYTHING = Suite(
    numeric=("KS", "CVM", "ChiSquare", "PSI", "JensenShannon", "Wasserstein"),
    categorical=("ChiSquare", "PSI", "JensenShannon"),
)
POLICY = Suite()
FASTER = 10.0
_DAY = 86400.0
AT = alpha(Budget(1, 30 * _DAY), [3600.0], AlarmRule())
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_ROOT = Path(__file__).parents[1]
_NO_ALIBI = "not run: name an interpreter with alibi-detect in ALIBI_PYTHON, or make alibi"


def detection() -> list[Result]:
    """Return false alarms, power and delays."""
    results = [result for features in SIZES for result in _false_alarms(features)]
    theirs = _alibi("detection")
    results += _contrasts(theirs)
    for shift in data.SHIFTS:
        results += _shift(shift, theirs)
    return [*results, _merged()]


def speed() -> list[Result]:
    """Return how long the whole native suite takes for one window, and KSDrift alone."""
    random = np.random.RandomState(0)
    rows = random.standard_normal((data.ROWS, data.FEATURES))
    features = [Feature(name=f"x{i}") for i in range(data.FEATURES)]
    began = time.perf_counter()
    known = _profile(features, rows)
    took = time.perf_counter() - began
    sketch, watch = Sketch(known), Watch(known)
    window = random.standard_normal((data.WINDOW, data.FEATURES))

    def once() -> None:
        summary = _summary(sketch, features, window)
        watch.look(summary, EVERYTHING)
        watch.missing(summary)

    ours = data.timed(once)
    theirs = _alibi("speed")
    other = data.Times(_number(theirs.get("wall")), _number(theirs.get("cpu")))
    size = f"reference {data.ROWS:,} x {data.FEATURES}, window {data.WINDOW:,}"
    ratio = f"{size}: KSDrift over all native tests"
    note = "" if theirs else _NO_ALIBI
    wall, cpu = round(other.wall / ours.wall, 1), round(other.cpu / ours.cpu, 1)
    return [
        Result(f"{size}: all native tests, counting included", ours.wall, "ms"),
        Result(f"{size}: all native tests, counting included, CPU", ours.cpu, "ms"),
        Result(f"{size}: alibi-detect's KSDrift alone", other.wall, "ms", note=note),
        Result(f"{size}: alibi-detect's KSDrift alone, CPU", other.cpu, "ms", note=note),
        Result(ratio, wall, "times", FASTER, "higher", note),
        Result(f"{ratio}, CPU", cpu, "times", FASTER, "higher", note),
        Result(f"{size}: computing the profile", round(took, 2), "s"),
        Result(f"{size}: the profile as text", round(len(known.to_text()) / 1024, 1), "KiB"),
    ]


def _false_alarms(features: int) -> list[Result]:
    """Look at windows without a shift; numbers are correlated, every fifth has ties."""
    random = np.random.default_rng(features)
    named = [Feature(name=f"x{i}") for i in range(features)]
    uncorrected = sure = drifted = 0

    def made(rows: int) -> Rows:
        found = 0.8 * random.standard_normal((rows, features)) + 0.6 * random.standard_normal(
            (rows, 1)
        )
        found[:, ::5] = np.round(found[:, ::5], 1)
        return found

    for _ in range(REFERENCES):
        known = _profile(named, made(10_000))
        sketch, watch = Sketch(known), Watch(known)
        for _ in range(WINDOWS // REFERENCES):
            judged = _judged(watch, _summary(sketch, named, made(ROWS)))
            chances = [each.shift.p for each in judged if each.shift.test == "KS"]
            uncorrected += min(p for p in chances if p is not None) < 0.05
            sure += any(each.adjusted is not None and each.adjusted <= AT for each in judged)
            drifted += any(each.verdict == "Drift" for each in judged)
    name = f"{WINDOWS:,} windows without a shift, {features} features"
    budget = round(WINDOWS * AT, 1)
    return [
        Result(f"{name}: false alarms by the corrected chance", sure, "", budget),
        Result(f"{name}: false alarms by chance and effect", drifted, "", budget),
        Result(f"{name}: windows with any p < .05", round(uncorrected / WINDOWS * 100, 1), "%"),
    ]


def _contrasts(theirs: dict[str, object]) -> list[Result]:
    name = f"alibi-detect, {data.NULL_WINDOWS} windows without a shift"
    told = (
        ("uncorrected", "20 features: windows with any p < .05"),
        ("corrected", "20 features: false alarms at the same corrected chance"),
        ("rounded_cvm", "CVM of 1 rounded feature: false alarms at the same chance"),
    )
    return [
        Result(
            f"{name}, {what}",
            round(_number(theirs.get(key)) * 100, 1),
            "%",
            note="" if theirs else _NO_ALIBI,
        )
        for key, what in told
    ]


def _shift(shift: str, theirs: dict[str, object]) -> list[Result]:
    """Look at a stream of rows after a shift, by us and by alibi-detect, at the same chance of a
    false alarm; and by us as policies do, with the effect."""
    delays: dict[str, list[int | None]] = {"by chance": [], "by chance and effect": []}
    for seed in range(data.REPEATS):
        made = data.repeat(shift, seed)
        features = [
            Feature(name=f"x{i}", type="Categorical" if i == data.CATEGORY else "Numeric")
            for i in range(data.FEATURES)
        ]
        known = _profile(features, made.known)
        sketch, watch = Sketch(known), Watch(known)
        seen: dict[str, int | None] = dict.fromkeys(delays)
        for rows, window in data.looks(made):
            judged = _judged(
                watch, _summary(sketch, features, window, scored=False), Suite(joint=False)
            )
            if any(each.adjusted is not None and each.adjusted <= AT for each in judged):
                seen["by chance"] = seen["by chance"] or rows
            if any(each.verdict == "Drift" for each in judged):
                seen["by chance and effect"] = seen["by chance and effect"] or rows
            if all(seen.values()):
                break
        for name, found in seen.items():
            delays[name].append(found)
    told = theirs.get("delays")
    other = told[shift] if isinstance(told, dict) else None
    return [
        *(result for name, found in delays.items() for result in _delays(shift, name, found)),
        *_delays(shift, "by alibi-detect's TabularDrift", other),
    ]


def _delays(shift: str, name: str, found: Sequence[int | None] | None) -> list[Result]:
    what = f"{shift} in 1 of {data.FEATURES} features, {name}"
    if found is None:
        return [Result(f"{what}: seen within {data.WINDOW:,} rows", math.nan, "%", note=_NO_ALIBI)]
    late = [data.MOST + data.STEP if rows is None else rows for rows in found]
    within = sum(rows <= data.WINDOW for rows in late) / len(late)
    return [
        Result(f"{what}: seen within {data.WINDOW:,} rows", round(within * 100, 1), "%"),
        Result(f"{what}: rows until seen, median", statistics.median(late), "rows"),
    ]


def _merged() -> Result:
    """Count verdicts that differ between one that saw all rows and replicas that shared them."""
    random = np.random.RandomState(5)
    features = [Feature(name=f"x{i}") for i in range(data.FEATURES)]
    known = _profile(features, data.drawn(random, data.KNOWN))
    sketch, watch = Sketch(known), Watch(known)
    different = 0
    for i in range(MERGED):
        rows = data.drawn(random, data.WINDOW, data.SHIFTS[i % 2] if i % 3 else "")
        share = random.randint(REPLICAS, size=len(rows))
        parts = [_summary(sketch, features, rows[share == r]) for r in random.permutation(REPLICAS)]
        merged = merge_all(parts)
        whole = _summary(sketch, features, rows)
        different += merged is None or _judged(watch, merged) != _judged(watch, whole)
    name = f"{MERGED} windows over {REPLICAS} replicas: merged verdicts, chances or effects that differ"
    return Result(name, different, "", 0)


def _profile(features: Sequence[Feature], rows: Rows) -> Profile:
    columns = _columns(features, rows)
    digest = "sha256:" + "0" * 64
    return profile(
        features, columns, ("score", _scores(rows)), revision="bench", created_from=digest
    )


def _summary(
    sketch: Sketch, features: Sequence[Feature], rows: Rows, *, scored: bool = True
) -> Summary:
    tally = sketch.requests(_columns(features, rows), len(rows))
    if scored:
        tally.add(sketch.scores(_scores(rows)))
    return tally.summary(_NOW, _NOW)


def _columns(features: Sequence[Feature], rows: Rows) -> dict[str, Column]:
    return {
        feature.name: rows[:, i] if feature.type == "Numeric" else rows[:, i].tolist()
        for i, feature in enumerate(features)
    }


def _scores(rows: Rows) -> Rows:
    return np.asarray(1 / (1 + np.exp(-rows[:, :3].sum(axis=1))), dtype=np.float64)


def _judged(watch: Watch, summary: Summary, suite: Suite = POLICY) -> list[Judged]:
    shifts = [seen.shift for seen in watch.look(summary, suite)]
    limits = [EffectLimit(EFFECTS[shift.test], rows=100) for shift in shifts]
    return judge(shifts, limits, AT, "Bonferroni")


def _alibi(what: Literal["speed", "detection"]) -> dict[str, object]:
    """Return what alibi-detect comes to; nothing where there is no environment for it."""
    python = os.environ.get("ALIBI_PYTHON", str(_ROOT / ".venv-alibi" / "bin" / "python"))
    if not Path(python).exists():
        return {}
    command = [python, "-m", "bench.drift_alibi", what]
    told = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    found: dict[str, object] = json.loads(told.splitlines()[-1])
    return found


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
