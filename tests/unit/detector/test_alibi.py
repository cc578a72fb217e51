"""Rows for alibi-detect: which are held, how they get to its process, and what becomes of its faults."""

import asyncio
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from mlhops.alibi.planned import NOT_INSTALLED, planned
from mlhops.alibi.sidecar import engine, worker
from mlhops.alibi.sidecar.engine import Engine
from mlhops.alibi.sidecar.job import Job, WorkerAnswer
from mlhops.alibi.sidecar.sample import Sample
from mlhops.alibi.sidecar.window_samples import RawWindows
from mlhops.alibi.sidecar.worker_process import Aside, AsideError
from mlhops.api.alibi import AlibiDetector, AlibiSettings
from mlhops.api.detector import DetectorConfig, Window
from mlhops.detector.envelope import event
from mlhops.detector.window import Clock
from mlhops.detector.window_counter import Watcher
from mlhops.statistics.drift import edges
from mlhops.statistics.drift.sketch import Sketch
from testkit.sidecar import config, headers, profile, sidecar

KS = [AlibiDetector(type="KSDrift")]
SETTINGS = AlibiSettings(detectors=KS, every=1)
HOUR = [Window(name="hour", length="1h")]


def asking(**more: object) -> DetectorConfig:
    """A configuration that asks alibi-detect."""
    told = {"detectors": [{"type": "KSDrift"}], "every": 1.0, **more}
    return DetectorConfig.model_validate(config().to_json() | {"alibi": told})


def watcher(given: DetectorConfig, beside: Engine) -> Watcher:
    made = Watcher(Clock(0.0, 0.0), 0.0, beside)
    made.configure(given, 0.0)
    made.profile(profile(), 0.0)
    return made


def take(to: Watcher, rows: list[list[object]], now: float = 0.0) -> None:
    happened = event(headers(), json.dumps({"instances": rows}).encode())
    to.take(happened, to.decode(happened), now)
    to.flush(now)


def test_parts_of_any_size_make_a_sample_in_which_each_row_is_as_likely() -> None:
    kept = np.zeros(300)
    rows = np.arange(300.0)[:, np.newaxis]
    for _ in range(400):
        whole = Sample(60, 1)
        for some in (rows[:7], rows[7:200], rows[200:]):
            part = Sample(60, 1)
            for batch in np.array_split(some, 3):
                part.add(Sample.of(batch))
            whole.add(part)
        assert whole.values.shape == (60, 1)
        assert whole.seen == 300
        kept[whole.values[:, 0].astype(int)] += 1
    # 80 of 400 each; the mean of 100 rows has a standard deviation of 0.8 at most.
    for group in (kept[:7], kept[7:200], kept[200:]):
        assert group.mean() == pytest.approx(80, abs=15 if len(group) < 10 else 4)
    assert kept.min() > 40


def test_what_fits_is_kept_whole() -> None:
    whole = Sample(10, 2)
    whole.add(Sample(10, 2))
    whole.add(Sample.of(np.arange(8.0).reshape(4, 2)))
    assert sorted(whole.values.ravel()) == list(range(8))


def test_rows_of_many_features_and_windows_are_held_within_a_bound() -> None:
    names = [f"f{i}" for i in range(200)]
    many = Sketch(profile(names))
    days = [Window(name="short", length="6h"), Window(name="long", length="14d")]
    few, fewer = RawWindows(many, SETTINGS, HOUR, 0.0), RawWindows(many, SETTINGS, days, 0.0)
    assert SETTINGS.rows > few.most > fewer.most > 0
    assert fewer.most * 700 * 202 * 8 <= 2**26
    assert RawWindows(Sketch(profile()), SETTINGS, HOUR, 0.0).most == SETTINGS.rows


def test_rows_are_held_only_where_alibi_detect_is_asked_and_only_as_long_as_the_window() -> None:
    idle = Engine()
    take(watcher(config(), idle), [[1.0, 2.0]])
    assert idle.raw is None

    beside = Engine()
    made = watcher(asking(), beside)
    take(made, [[0.5, None], [0.25, "x"], [float("inf"), 3]])
    take(made, [[9.0, 9.0]], now=1800.0)
    raw = beside.raw
    assert raw is not None

    def held(window: str, now: float) -> list[list[float]]:
        whole = raw.nothing()
        for part in raw.parts(now)[window]:
            whole.add(part)
        return sorted(np.nan_to_num(whole.rows.values[:, :-1], nan=-1.0).tolist())

    assert held("hour", 1800.0) == [[-1.0, 3.0], [0.25, -1.0], [0.5, -1.0], [9.0, 9.0]]
    assert held("hour", 4500.0) == [[9.0, 9.0]]
    assert held("hour", 9000.0) == []
    made.configure(config(), 9000.0)
    assert beside.raw is None


def test_a_change_of_detectors_keeps_the_rows_and_one_of_windows_does_not() -> None:
    beside = Engine()
    made = watcher(asking(), beside)
    before = beside.raw
    made.configure(asking(detectors=[{"type": "CVMDrift"}]), 1.0)
    assert beside.raw is before
    made.configure(asking().model_copy(update={"windows": HOUR}), 2.0)
    assert beside.raw is not before


def test_a_job_arrives_as_it_was_sent() -> None:
    random = np.random.default_rng(3)
    rows, scores = random.normal(size=(5, 3)), random.random((3, 1))
    rows[2, 1] = np.nan
    sent = Job(KS, profile(), 100, rows[:1, :2], {"a": (rows, scores), "b": (rows[:0], scores[:0])})
    come = Job.unpack(sent.pack())
    assert (come.detectors, come.profile, come.min_rows) == (KS, profile(), 100)
    np.testing.assert_array_equal(come.baseline, rows[:1, :2])
    for name, sides in sent.windows.items():
        for here, there in zip(sides, come.windows[name], strict=True):
            np.testing.assert_array_equal(here, there)


def test_a_large_reference_is_taken_in_proportion() -> None:
    feature = edges.categorical("sex", ["0"] * 30_001 + ["1"] * 10_000, ["0", "1", "2"])
    counts = np.bincount(worker.reference(feature), minlength=4)
    assert counts.tolist() == [7500, 2500, 0, 0]


def test_each_type_of_feature_has_the_tests_that_suit_it() -> None:
    all_types = [AlibiDetector(type=each) for each in ("TabularDrift", "FETDrift")]
    told = profile().model_copy(
        update={
            "features": [*profile().features, edges.categorical("sex", ["0", "1"], binary=True)]
        }
    )
    assert [(each.detector, each.test, each.of) for each in planned(all_types, told)] == [
        ("TabularDrift", "KS", "age"),
        ("TabularDrift", "KS", "creatinine"),
        ("TabularDrift", "ChiSquare", "sex"),
        ("TabularDrift", "KS", "score"),
        ("FETDrift", "FET", "sex"),
    ]


@pytest.fixture
def path_of_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


@pytest.mark.usefixtures("path_of_children")
def test_a_process_that_fails_is_told_and_the_next_question_is_answered() -> None:
    async def run() -> list[str]:
        aside = Aside("tests.unit.detector.stubborn", 20.0)
        told = []
        for word in ("well", "crash", "well", "babble", "well", "stop short", "well"):
            try:
                told.append(
                    WorkerAnswer.model_validate_json(await aside.ask(word.encode())).problem
                )
            except AsideError as error:
                told.append(str(error))
        await aside.close()
        return told

    lost = "has lost its process, perhaps for want of memory"
    assert asyncio.run(run()) == ["well", lost, "well", lost, "well", lost, "well"]


@pytest.mark.usefixtures("path_of_children")
def test_a_process_that_hangs_is_ended() -> None:
    async def run() -> None:
        aside = Aside("tests.unit.detector.stubborn", 0.5)
        with pytest.raises(AsideError, match=r"did not answer within 0\.5 s"):
            await aside.ask(b"hang")
        assert aside._process is None

    began = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - began < 10


def test_what_went_wrong_is_told_until_it_goes_well_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[bytes | AsideError] = [
        AsideError("did not answer"),
        b"nonsense",
        WorkerAnswer().model_dump_json().encode(),
    ]

    async def ask(_: Aside, body: bytes) -> bytes:
        assert Job.unpack(body).detectors == KS
        answer = answers.pop(0)
        if isinstance(answer, AsideError):
            raise answer
        return answer

    monkeypatch.setattr(Aside, "ask", ask)
    monkeypatch.setattr(engine, "find_spec", lambda _: object())

    async def run() -> list[tuple[float, str]]:
        made = Engine()
        watcher(asking(), made)
        told = []
        for now in (10.0, 10.5, 12.0, 14.0):
            with suppress(ValueError):  # the service counts it as a fault
                await made.step(now)
            report = made.report(now + 0.25)
            assert report is not None
            told.append((report.age, report.problem))
        return told

    assert asyncio.run(run()) == [
        (0.25, "alibi-detect did not answer"),
        (0.75, "alibi-detect did not answer"),
        (0.25, "alibi-detect could not be asked"),
        (0.25, ""),
    ]


def test_too_little_room_for_min_rows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find_spec", lambda _: object())
    made = Engine()
    watcher(asking(minRows=5000), made)
    report = made.report(1.0)
    assert report is not None
    assert "room for 1000 rows of each window" in report.problem


def test_an_image_without_alibi_detect_says_which_one_is_needed(tmp_path: Path) -> None:
    with sidecar(tmp_path, asking(), profile()) as process:
        report = process.report()
    assert report.engine is not None
    assert (
        report.engine.problem
        == NOT_INSTALLED
        == ("engine AlibiDetect needs image mlhops/detector-alibi")
    )


def test_nobody_who_does_not_ask_is_told_of_alibi_detect() -> None:
    made = Engine()
    watcher(config(), made)
    assert made.report(1.0) is None
