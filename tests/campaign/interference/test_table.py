"""The table of interferences itself: it covers what it says, and excuses no more than it has to."""

import pytest

from campaign.interference.case import Case
from campaign.interference.cases import CASES
from campaign.interference.fight import FIGHTS
from campaign.interference.rights import RIGHTS
from campaign.interference.source import INTERFERENCE

WORDS_TO_DO = ("remove", "create", "install", "apply", "choose")


def test_every_interference_has_a_name_of_its_own() -> None:
    assert len(INTERFERENCE.names) == len(CASES) + len(FIGHTS) + len(RIGHTS) + 1


@pytest.mark.parametrize("case", [case for case in CASES if case.says], ids=lambda case: case.name)
def test_what_people_are_told_says_what_to_do(case: Case) -> None:
    assert any(word in words for words in case.says for word in WORDS_TO_DO)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.excused], ids=lambda case: case.name
)
def test_the_judge_is_not_told_to_look_away(case: Case) -> None:
    assert all(len(words) > 20 for words in case.excused)
    assert not any(words.startswith(".*") for words in case.excused)
