"""Which hosts and addresses nobody is led to by what stands in a spec."""

import argparse

import pytest

from mlhops.api.destinations import ANYWHERE, API_SERVER, Destinations, add_arguments, of


def told(*flags: str, api_server: str = "") -> Destinations:
    """What a command line comes to."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser)
    return of(parser.parse_args(flags), {API_SERVER: api_server} if api_server else {})


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("127.0.0.1", "this pod itself"),
        ("127.9.9.9", "this pod itself"),
        ("0.0.0.0", "this pod itself"),
        ("::1", "this pod itself"),
        ("::", "this pod itself"),
        ("169.254.169.254", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("2002:a9fe:a9fe::1", "link-local"),
        ("::ffff:127.0.0.1", "this pod itself"),
        ("fd00:ec2::254", "a metadata service"),
        ("168.63.129.16", "a metadata service"),
        ("100.100.100.200", "a metadata service"),
        ("224.0.0.1", "no address of a single server"),
        ("255.255.255.255", "no address of a single server"),
        ("10.96.0.1", "the API server"),
        ("::ffff:10.96.0.1", "the API server"),
        ("not an address", "has no address"),
    ],
)
def test_some_addresses_are_refused_whatever_name_leads_there(address: str, what: str) -> None:
    allowed = told(api_server="10.96.0.1")

    why = allowed.refuses("data.example", [address])
    assert what in why
    assert "data.example" in why
    # One bad address is enough, in whichever order they come.
    assert allowed.refuses("data.example", ["10.0.0.7", address]) == why
    assert allowed.refuses("data.example", [address, "10.0.0.7"]) == why


@pytest.mark.parametrize(
    "address", ["10.0.0.7", "192.168.1.1", "93.184.216.34", "2a00::1", "64:ff9b::808:808"]
)
def test_other_addresses_may_be_reached(address: str) -> None:
    assert ANYWHERE.refuses("data.example", [address]) == ""
    assert ANYWHERE.refuses_host(address) == ""


def test_an_address_in_the_place_of_a_name_is_refused_before_anybody_is_asked() -> None:
    for host in ("127.0.0.1", "169.254.169.254", "::1", "[::1]"):
        assert "--allowed-network" in ANYWHERE.refuses_host(host)
    assert ANYWHERE.refuses_host("localhost") == ""  # until it is resolved


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("data.example", True),
        ("DATA.example.", True),
        ("minio.storage.svc", True),
        ("a.hospital.example", True),
        ("a.b.hospital.example", True),
        ("hospital.example", False),
        ("hospital.example.evil.example", False),
        ("evilhospital.example", False),
        ("10.0.0.7", False),
        ("10.1.0.7", True),
    ],
)
def test_where_hosts_are_named_there_are_no_others(host: str, reached: bool) -> None:
    flags = [f"--allowed-host={each}" for each in ("data.example", "*.hospital.example")]
    allowed = told(*flags, "--allowed-host=Minio.storage.svc", "--allowed-network=10.1.0.0/16")

    why = allowed.refuses_host(host)
    assert (why == "") is reached
    assert reached or "--allowed-host" in why


def test_a_host_that_is_allowed_may_not_lead_where_nobody_is_led() -> None:
    allowed = told("--allowed-host=data.example")
    assert "link-local" in allowed.refuses("data.example", ["169.254.169.254"])


def test_a_network_may_be_allowed_and_no_more_than_it() -> None:
    allowed = told("--allowed-network=127.0.0.0/30")
    assert allowed.refuses("localhost", ["127.0.0.1"]) == ""
    assert "this pod itself" in allowed.refuses("localhost", ["127.0.0.4"])


def test_the_evaluator_is_told_what_the_operator_was_told() -> None:
    flags = (
        "--allowed-host=*.example",
        "--allowed-network=10.0.0.0/8",
        "--allowed-network=::1/128",
    )
    assert told(*flags).arguments() == flags
    assert told(*told(*flags).arguments()) == told(*flags)


@pytest.mark.parametrize("flag", ["host=", "host=*", "host=*.", "host=a*b", "host=http://a"])
def test_what_is_no_host_is_refused(flag: str) -> None:
    with pytest.raises(argparse.ArgumentError, match="is no host: write"):
        told(f"--allowed-{flag}")
    with pytest.raises(argparse.ArgumentError):
        told("--allowed-network=10.0.0.1/8")
