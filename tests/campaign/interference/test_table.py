"""The table of interferences itself: it covers what it says, and excuses no more than it has to."""

import pytest

from campaign.interference.case import Case
from campaign.interference.cases import CASES
from campaign.interference.rights import RIGHTS
from campaign.interference.run import chosen_of, names_of

WORDS_TO_DO = ("remove", "create", "install", "apply", "choose")


def test_every_interference_has_a_name_of_its_own() -> None:
    names = names_of()
    assert len(names) == len(set(names))
    assert len(names) > len(CASES) + len(RIGHTS)


@pytest.mark.parametrize("case", [case for case in CASES if case.says], ids=lambda case: case.name)
def test_what_people_are_told_says_what_to_do(case: Case) -> None:
    assert any(word in words for words in case.says for word in WORDS_TO_DO)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.excused], ids=lambda case: case.name
)
def test_the_judge_is_not_told_to_look_away(case: Case) -> None:
    assert all(len(words) > 20 for words in case.excused)
    assert not any(words.startswith(".*") for words in case.excused)


def test_a_sample_is_the_same_for_the_same_seed_and_a_wrong_name_is_refused() -> None:
    assert chosen_of([], 3, 1) == chosen_of([], 3, 1)
    assert chosen_of([], None, 0) == names_of()
    with pytest.raises(ValueError, match="no interference: x"):
        chosen_of(["x"], None, 0)
