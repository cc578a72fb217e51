"""A result crosses from an untrusted pod in 4,096 bytes: what arrives is what left, or an error."""

import base64
import hashlib
import json
import random
import string
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhops.api.data import StoredReport
from mlhops.api.evaluation import EvaluationPhase, GateResult, GroupEstimate
from mlhops.api.profile import StoredProfile
from mlhops.api.result import MAX_BYTES, PREFIX, Result, decode, encode

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
RATES = st.none() | st.floats(0, 1)
COUNTS = st.none() | st.integers(0, 10**9)
PHASES = st.sampled_from(
    [EvaluationPhase.SUCCESSFUL, EvaluationPhase.FAILED, EvaluationPhase.ERROR]
)
GROUPS = st.builds(
    GroupEstimate,
    group=TEXTS,
    rows=COUNTS,
    positives=COUNTS,
    negatives=COUNTS,
    rate=RATES,
    rest=RATES,
    gap=RATES,
    lower=RATES,
    upper=RATES,
    phase=PHASES,
)
GATES = st.builds(
    GateResult,
    name=TEXTS,
    phase=PHASES,
    message=st.text(st.characters(exclude_categories=["Cs"]), max_size=400),
    required=st.booleans(),
    estimate=RATES,
    lower=RATES,
    upper=RATES,
    limit=RATES,
    worst_group=st.none() | TEXTS,
    groups=st.lists(GROUPS, max_size=5),
)
RESULTS = st.builds(
    Result,
    phase=st.sampled_from(["Successful", "Failed", "Inconclusive", "Error"]),
    message=st.text(st.characters(exclude_categories=["Cs"]), max_size=2048),
    gates=st.lists(GATES, max_size=4),
    rows=COUNTS,
    data_digest=st.none() | TEXTS,
    seed=COUNTS,
    evaluator=st.none() | TEXTS,
)


def groups(count: int) -> list[GroupEstimate]:
    return [
        GroupEstimate(
            group=f"sex=F,ageBand={n}",
            rows=n * 7919 % 1000,
            rate=(n * 0.6180339887) % 1,
            gap=(n * 0.7548776662) % 1,
            phase=EvaluationPhase.SUCCESSFUL,
        )
        for n in range(count)
    ]


def gate(name: str, phase: EvaluationPhase, count: int, message: str = "") -> GateResult:
    return GateResult(
        name=name,
        phase=phase,
        estimate=0.123456,
        worst_group="sex=F",
        message=message,
        groups=groups(count),
    )


def incompressible(length: int, seed: int = 0) -> str:
    return "".join(random.Random(seed).choices(string.ascii_letters, k=length))


def packed(raw: bytes) -> str:
    return PREFIX + base64.b85encode(zlib.compress(raw, 9)).decode()


@given(RESULTS)
@settings(max_examples=50)
def test_any_result_fits_and_keeps_its_verdict_or_becomes_an_error(result: Result) -> None:
    text = encode(result)

    assert len(text.encode()) <= MAX_BYTES
    arrived = decode(text)
    if arrived.message == "the result does not fit a termination message":
        assert arrived.phase == "Error"
        assert arrived.gates == []
    else:
        assert arrived.phase == result.phase
        assert list(map(verdict, arrived.gates)) == list(map(verdict, result.gates))


def verdict(gate: GateResult) -> tuple[object, ...]:
    return (
        *(gate.name, gate.phase, gate.required, gate.estimate),
        *(gate.lower, gate.upper, gate.limit, gate.worst_group, gate.primary, gate.metric),
    )


def test_a_result_that_fits_arrives_whole() -> None:
    result = Result(
        phase="Failed",
        message="misses more women",
        gates=[gate("equal-misses", EvaluationPhase.FAILED, 3, "gap 0.2")],
        rows=7874,
        data_digest="sha256:" + "0" * 64,
        seed=20,
        evaluator="0.1.0",
        profile=StoredProfile(digest="sha256:" + hashlib.sha256(b"").hexdigest()),
    )

    assert decode(encode(result)) == result


def counts(gate: GateResult) -> list[tuple[object, ...]]:
    """The worst group's counts."""
    return [(g.group, g.rows, g.positives, g.negatives) for g in gate.groups]


def worst_of(gate: GateResult) -> list[tuple[object, ...]]:
    return [one for one in counts(gate) if one[0] == gate.worst_group]


def test_the_groups_of_gates_that_passed_are_left_out_first() -> None:
    passed = gate("passed", EvaluationPhase.SUCCESSFUL, 300)
    failed = gate("failed", EvaluationPhase.FAILED, 10)

    arrived = decode(encode(Result(phase="Failed", gates=[passed, failed])))

    assert counts(arrived.gates[0]) == worst_of(passed)
    assert arrived.gates[1] == failed


def test_then_the_groups_of_all_gates_are_left_out() -> None:
    failed = gate("failed", EvaluationPhase.FAILED, 300, "gap 0.2")

    arrived = decode(encode(Result(phase="Failed", gates=[failed])))

    assert arrived.gates[0].message == "gap 0.2"
    assert verdict(arrived.gates[0]) == verdict(failed)
    assert counts(arrived.gates[0]) == worst_of(failed)


def test_then_messages_are_cut() -> None:
    words = [incompressible(900, n) for n in range(8)]
    gates = [gate(f"g{n}", EvaluationPhase.FAILED, 0, words[n]) for n in range(8)]

    arrived = decode(encode(Result(phase="Failed", message=words[0], gates=gates)))

    assert arrived.message == words[0][:199] + "…"
    assert [one.message for one in arrived.gates] == [one.message[:199] + "…" for one in gates]


def test_messages_of_gates_that_passed_are_cut_before_others() -> None:
    words = [incompressible(300, n) for n in range(24)]
    phases = [EvaluationPhase.SUCCESSFUL, EvaluationPhase.INCONCLUSIVE]
    gates = [gate(f"g{n}", phases[n % 2], 0, words[n]) for n in range(24)]

    arrived = decode(encode(Result(phase="Inconclusive", gates=gates)))

    assert len(arrived.gates[0].message) < len(arrived.gates[1].message)


def test_thirty_two_gates_keep_their_numbers_and_the_counts_of_their_worst_group() -> None:
    random = np.random.default_rng(0)
    gates = []
    for n in range(32):
        worst = f"ethnicity={incompressible(6, n)},ageBand={n}-{n + 10}"
        rate, rest, gap, lower, upper = np.round(random.random(5), 4).tolist()
        sizes = random.integers(10, 10**6, 3).tolist()
        group = GroupEstimate(
            group=worst,
            rows=sizes[0],
            positives=sizes[1],
            negatives=sizes[2],
            rate=rate,
            rest=rest,
            gap=gap,
            lower=lower,
            upper=upper,
            phase=EvaluationPhase.INCONCLUSIVE,
        )
        gates.append(
            GateResult(
                name=f"gate-{incompressible(12, n + 100)}",
                phase=EvaluationPhase.INCONCLUSIVE,
                primary=n == 0,
                required=n % 2 == 0,
                metric="FalseNegativeRate",
                message=f"FalseNegativeRate is {rate} for {worst} " * 8,
                estimate=gap,
                lower=lower,
                upper=upper,
                limit=0.1,
                worst_group=worst,
                groups=[*groups(30), group],
            )
        )
    result = Result(
        phase="Inconclusive",
        message=gates[0].message,
        gates=gates,
        rows=10**6,
        data_digest="sha256:" + incompressible(64),
        seed=2**31 - 1,
        evaluator="0.1.0",
    )

    arrived = decode(encode(result))

    assert arrived.phase == "Inconclusive"
    assert list(map(verdict, arrived.gates)) == list(map(verdict, gates))
    assert list(map(counts, arrived.gates)) == list(map(worst_of, gates))
    assert (arrived.rows, arrived.data_digest) == (result.rows, result.data_digest)
    assert arrived.profile == result.profile


def test_then_where_the_report_is_is_left_out_but_the_verdict_stays() -> None:
    names = [incompressible(40, n) for n in range(32)]
    gates = [gate(name, EvaluationPhase.FAILED, 0, incompressible(900)) for name in names]
    report = StoredReport(uri=incompressible(2000), error=incompressible(1000, 1))
    digest = "sha256:" + hashlib.sha256(b"").hexdigest()
    profile = StoredProfile(digest=digest, error=incompressible(500, 2))

    arrived = decode(encode(Result(phase="Failed", gates=gates, report=report, profile=profile)))

    assert [one.phase for one in arrived.gates] == [EvaluationPhase.FAILED] * 32
    assert arrived.report == StoredReport(error="where it is did not fit the evaluator's result")
    assert arrived.profile is not None
    assert arrived.profile.digest == digest
    assert len(arrived.profile.error or "") == 40


def test_a_result_that_cannot_fit_is_an_error_and_not_a_pass() -> None:
    name = incompressible(5500)
    result = Result(phase="Successful", gates=[gate(name, EvaluationPhase.SUCCESSFUL, 0)])

    assert decode(encode(result)).phase == "Error"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_cannot_be_put_in(number: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        GateResult(name="a", phase=EvaluationPhase.SUCCESSFUL, estimate=number)


@given(RESULTS, st.data())
@settings(max_examples=50)
def test_a_result_that_was_cut_off_is_refused(result: Result, data: st.DataObject) -> None:
    text = encode(result)
    end = data.draw(st.integers(0, len(text) - 1))

    with pytest.raises(ValueError, match="evaluator"):
        decode(text[:end])


@given(RESULTS, st.data())
@settings(max_examples=50)
def test_a_result_with_a_changed_letter_is_refused_or_the_same(
    result: Result, data: st.DataObject
) -> None:
    text = encode(result)
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.characters(codec="ascii")) + text[at + 1 :]

    with suppress(ValueError):
        assert decode(changed) == decode(text)


@given(st.text(max_size=300))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="evaluator"):
        decode(text)
    with pytest.raises(ValueError, match="evaluator"):
        decode(PREFIX + text)


def number(text: str) -> bytes:
    return b'{"phase":"Successful","gates":[{"name":"a","phase":"Successful","estimate":%s}]}' % (
        text.encode()
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"[" * 100_000, "not JSON"),
        (b'{"rows":' + b"9" * 100_000 + b"}", "not JSON"),
        (b"Successful", "not JSON"),
        (b"\xff\xfe\xff", "not JSON"),
        (b"", "not JSON"),
        (b"[]", "its root"),
        (b"null", "its root"),
        (b"{}", "phase"),
        (b'{"phase":"Passed"}', "phase"),
        (b'{"phase":"Running"}', "phase"),
        (b'{"phase":"Successful","rows":1.5}', "rows"),
        (b'{"phase":"Successful","message":"%s"}' % (b"x" * 2049), "message"),
        (b'{"phase":"Successful","message":"\\ud800"}', "message"),
        (b'{"phase":"Successful","gates":[{"name":"a"}]}', r"gates\.0\.phase"),
        (b'{"phase":"Successful","gates":[%s]}' % b",".join([b"{}"] * 33), "gates"),
        (number("NaN"), r"gates\.0\.estimate"),
        (number("-Infinity"), r"gates\.0\.estimate"),
        (number("1e999"), r"gates\.0\.estimate"),
        (number('"NaN"'), r"gates\.0\.estimate"),
    ],
)
def test_hostile_content_is_refused_with_the_place(raw: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        decode(packed(raw))

    assert str(refused.value).startswith("the evaluator's result is not")


def test_a_decompression_bomb_is_not_unpacked() -> None:
    bomb = packed(b'{"phase":"Successful","message":"' + b" " * 2_500_000 + b'"}')
    assert len(bomb) <= MAX_BYTES

    with pytest.raises(ValueError, match="cut off or too large"):
        decode(bomb)


def test_a_text_that_is_longer_than_kubernetes_keeps_is_refused() -> None:
    text = packed(json.dumps({"phase": "Successful"}).encode())

    with pytest.raises(ValueError, match="longer than a termination message"):
        decode(text + " " * MAX_BYTES)


def test_blanks_around_a_result_do_no_harm() -> None:
    text = encode(Result(phase="Successful"))

    assert decode(text + "\n") == Result(phase="Successful")
