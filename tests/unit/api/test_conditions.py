"""Conditions change only where what they say changes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhops.api.conditions import Condition, Verdict, find, merge

THEN = datetime(2030, 1, 1, tzinfo=UTC)
NOW = datetime(2030, 1, 2, tzinfo=UTC)
VERDICTS: st.SearchStrategy[Verdict] = st.sampled_from(["True", "False", "Unknown"])
TYPES = st.sampled_from(["Ready", "Reconciling", "Stalled", "Promoted"])
WANTED = st.lists(
    st.tuples(TYPES, VERDICTS, st.sampled_from(["A", "B"]), st.text(max_size=5)),
    unique_by=lambda wanted: wanted[0],
)


def ready(status: Verdict, reason: str = "Serving") -> Condition:
    return Condition(
        type="Ready",
        status=status,
        reason=reason,
        observed_generation=1,
        last_transition_time=THEN,
    )


def test_the_transition_time_moves_with_the_status() -> None:
    (merged,) = merge([ready("False")], [("Ready", "True", "Serving", "")], 2, NOW)

    assert merged.last_transition_time == NOW


def test_the_transition_time_stays_where_only_the_reason_changes() -> None:
    (merged,) = merge([ready("True")], [("Ready", "True", "Promoted", "all of it")], 2, NOW)

    assert merged.last_transition_time == THEN
    assert (merged.reason, merged.message, merged.observed_generation) == (
        "Promoted",
        "all of it",
        2,
    )


def test_a_new_condition_starts_now() -> None:
    (merged,) = merge([], [("Ready", "Unknown", "New", "")], 1, NOW)

    assert merged == ready("Unknown", "New").model_copy(update={"last_transition_time": NOW})


def test_a_condition_that_nobody_asked_about_stays() -> None:
    merged = merge([ready("True")], [("Stalled", "False", "Fine", "")], 2, NOW)

    assert merged[0] == ready("True")
    assert [condition.type for condition in merged] == ["Ready", "Stalled"]


def test_a_long_message_is_cut() -> None:
    (merged,) = merge([], [("Ready", "False", "Broken", "x" * 5000)], 1, NOW)

    assert merged.message == "x" * 1024


@pytest.mark.thorough
@given(WANTED, WANTED)
def test_merging_twice_changes_nothing(
    first: list[tuple[str, Verdict, str, str]], second: list[tuple[str, Verdict, str, str]]
) -> None:
    old = merge([], first, 1, THEN)
    once = merge(old, second, 2, NOW)

    assert merge(once, second, 2, datetime(2031, 1, 1, tzinfo=UTC)) == once
    assert len({condition.type for condition in once}) == len(once)


def test_find_returns_the_condition_of_that_type_or_nothing() -> None:
    conditions = [ready("True")]

    assert find(conditions, "Ready") is conditions[0]
    assert find(conditions, "Stalled") is None
