"""The roles that are installed are those of the one list, and people's roles keep their distance."""

from pathlib import Path

from tools.permissions import ROLES, files

REPOSITORY = Path(__file__).resolve().parents[3]


def rights(suffix: str) -> set[tuple[str, str]]:
    """Resources and verbs of a role."""
    [role] = [role for role in ROLES if role.suffix == suffix]
    return {(name, verb) for rule in role.rules for name in rule.resources for verb in rule.verbs}


def test_the_files_are_those_of_the_list() -> None:
    for path, text in files().items():
        assert (REPOSITORY / path).read_text() == text, "run `make roles`"


def test_nobody_but_the_operator_writes_a_status() -> None:
    people = [role.suffix for role in ROLES if not role.suffix.startswith("operator")]
    for suffix in people:
        assert not [name for name, _ in rights(suffix) if name.endswith("/status")]


def test_who_may_edit_a_model_may_not_decide_on_it() -> None:
    for suffix in ("view", "edit", "admin"):
        assert ("decisions", "create") not in rights(suffix)
        assert ("clinicalmodels/riskclass", "update") not in rights(suffix)
    assert ("clinicalmodels", "update") not in rights("decider")


def test_an_evaluation_is_made_by_the_operator_alone() -> None:
    makers = [role.suffix for role in ROLES if ("evaluations", "create") in rights(role.suffix)]

    assert makers == ["operator"]
