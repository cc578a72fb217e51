"""The operator's command line."""

import pytest

from mlhops.controller.main import main


@pytest.mark.parametrize("name", ["ward-*", "!ward", "ward,icu", "", "Ward", "a" * 64])
def test_what_is_no_name_of_a_namespace_is_refused_by_its_flag(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([f"--namespace={name}"])

    told = capsys.readouterr().err
    assert f"argument --namespace: {name!r} is not the name of a namespace" in told


@pytest.mark.parametrize("given", ["icu", "icu=", "=a.example", "icu=https://a.example", "*.x=a"])
def test_a_host_name_for_no_namespace_is_refused_by_its_flag(
    given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([f"--hostname={given}"])

    told = capsys.readouterr().err
    assert f"argument --hostname: {given!r} says of no namespace" in told


@pytest.mark.parametrize(
    ("flag", "given", "told"),
    [
        ("--pod-pull-secret", "Registry", "no name of a Secret"),
        ("--pod-env", "HTTPS_PROXY", "write NAME=VALUE"),
        ("--pod-env", "DATA_AWS_ACCESS_KEY_ID=me", "not for others to set"),
        ("--pod-env", "LD_PRELOAD=x", "not for others to set"),
        ("--pod-ca-bundle", "trust", "write configmap/NAME/KEY"),
        ("--pod-ca-bundle", "configmap/trust/../x", "write configmap/NAME/KEY"),
        ("--pod-ca-bundle", "file/trust/ca.crt", "neither configmap nor secret"),
        ("--evaluator-resources", "4Gi", "are no resources"),
        ("--evaluator-resources", '{"limit": {"memory": "4Gi"}}', "are no resources"),
        ("--evaluator-resources", '{"limits": {"memory": "4 GB"}}', "is no quantity"),
    ],
)
def test_what_no_pod_can_get_is_refused_by_its_flag(
    flag: str, given: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([f"{flag}={given}"])

    said = capsys.readouterr().err
    assert f"argument {flag}: " in said
    assert told in said
