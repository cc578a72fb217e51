"""The audit: one order of all that is on record, and a bundle in which nothing can be changed unseen."""

import base64
import csv
import io
import json
import lzma
import re
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from mlhops.api.base import Json, Manifest
from mlhops.cli.audit.bundle import (
    ATTESTATIONS,
    HISTORY,
    KEY,
    MODEL,
    SUMS,
    UNSIGNED,
    bundle,
)
from mlhops.cli.audit.check import BundleVerdict, NoBundle, verdict
from mlhops.cli.audit.envelope import encoding, read
from mlhops.cli.audit.keys import KeyTrouble, SigningKey, signer, signing_key
from mlhops.cli.audit.statements import sha256
from mlhops.cli.audit.timeline import as_csv, timeline
from mlhops.cli.exits import Exit, Trouble
from mlhops.cli.main import main
from mlhops.cli.store import read_bundle, write_bundle
from mlhops.json_access import items, text
from testkit.standings import OLD
from tests.unit.cli.audited import REPORT, gathered

Files = dict[str, bytes]
KEYS: dict[str, Callable[[], SigningKey]] = {
    "Ed25519": lambda: SigningKey(ed25519.Ed25519PrivateKey.generate()),
    "P-256": lambda: SigningKey(ec.generate_private_key(ec.SECP256R1())),
}
OURS = KEYS["Ed25519"]()
SAVED = bundle(gathered(), OURS)
EVALUATION = f"objects/evaluations/sepsis-{OLD}-1.json"


def checked(files: Files, *, key: SigningKey | None = OURS) -> BundleVerdict:
    """What a check with a key comes to."""
    return verdict(files, [key.signer] if key is not None else [])


def amiss(files: Files, *, key: SigningKey | None = OURS) -> str:
    """What a check finds that does not hold."""
    found = checked(files, key=key)
    return "; ".join(each.detail for each in found.checks if each.state.name == "FAILED")


def summed(files: Files) -> Files:
    """A bundle whose sums were made anew by whoever changed it."""
    names = [line[66:] for line in files[SUMS].decode().splitlines()]
    sums = "".join(f"{sha256(files[name])}  {name}\n" for name in names if name in files)
    return {**files, SUMS: sums.encode()}


def changed(name: str, before: bytes, after: bytes) -> Files:
    """A bundle with a file in which something was put in the place of something else."""
    assert before in SAVED[name]
    return {**SAVED, name: SAVED[name].replace(before, after)}


def test_all_that_is_on_record_stands_in_one_order_with_who_did_it() -> None:
    of = gathered()
    seen = timeline(of.model, of.evaluations, of.decisions, of.revisions, of.events)
    what = [each.what for each in seen.records]
    moments = [each.at for each in seen.records if each.at is not None]

    assert moments == sorted(moments)
    assert {"rollout Promoted", "rollout RolledBack", "Decision Approve", "Event Promoted"} <= set(
        what
    )
    decided = next(each for each in seen.records if each.what == "Decision Approve")
    assert (decided.who, decided.record) == ("ada@hospital.example", "Decision sepsis-go")


@pytest.mark.parametrize("formula", ["=cmd|'/C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_spreadsheet_takes_a_reason_for_a_formula(formula: str) -> None:
    of = gathered(formula)
    rows = list(csv.reader(io.StringIO(as_csv(timeline(of.model, [], [])))))

    cells = [cell for row in rows[1:] for cell in row]
    assert any(formula.strip() in cell for cell in cells)
    assert not [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell]


@pytest.mark.parametrize("kind", KEYS)
def test_a_bundle_holds_as_it_was_made(kind: str) -> None:
    key = KEYS[kind]()
    found = checked(bundle(gathered(), key), key=key)

    assert found.holds
    assert found.trusted
    assert found.signed_by == key.id
    assert (found.namespace, found.name) == ("ward", "sepsis")


def test_the_same_record_gives_the_same_files() -> None:
    assert bundle(gathered(), OURS) == SAVED


def test_each_evaluation_and_decision_has_a_statement_about_its_own_file() -> None:
    payloads = [
        json.loads(read(line).payload) for line in SAVED[ATTESTATIONS].decode().splitlines()
    ]
    results = [each for each in payloads if "test-result" in each["predicateType"]]
    first = next(each for each in results if each["subject"][0]["name"] == EVALUATION)

    assert {each["_type"] for each in payloads} == {"https://in-toto.io/Statement/v1"}
    assert first["subject"][0]["digest"]["sha256"] == sha256(SAVED[EVALUATION])
    assert first["predicate"]["result"] == "FAILED"
    assert first["predicate"]["failedTests"] == ["equal-misses"]
    decided = next(each for each in payloads if "decision" in each["predicateType"])
    assert decided["predicate"]["decidedBy"] == "ada@hospital.example"


def test_a_gate_that_a_person_let_pass_is_warned_of_and_not_passed() -> None:
    of = gathered()
    status = cast(Manifest, of.model["status"])
    for entry in cast("list[Manifest]", status["history"]):
        entry["overridden"] = ["equal-misses"]
    lines = bundle(of, OURS)[ATTESTATIONS].decode().splitlines()
    first = next(p for p in (json.loads(read(x).payload) for x in lines) if EVALUATION in str(p))

    assert first["predicate"]["failedTests"] == []
    assert "equal-misses" in first["predicate"]["warnedTests"]
    assert first["predicate"]["result"] == "FAILED", "the Evaluation failed all the same"


TAMPERED: dict[str, tuple[Files, str]] = {
    "a file that was changed": (
        changed(EVALUATION, b"Failed", b"Passed"),
        f"{EVALUATION} was changed",
    ),
    "a file that is gone": (
        {name: each for name, each in SAVED.items() if name != EVALUATION},
        f"{EVALUATION} is missing",
    ),
    "a file that was added": ({**SAVED, "reports/x.html": b""}, "reports/x.html has no sum"),
    "a file whose sum was changed with it": (
        summed(changed(EVALUATION, b"Failed", b"Passed")),
        f"is about another {EVALUATION}",
    ),
    "another reason in the history": (
        changed(HISTORY, b"looks good", b"looks bad"),
        "entry 0 (1.0.0 Promoted) does not have the hash of what it says",
    ),
    "another history of the model": (
        changed(MODEL, b"looks good", b"looks bad"),
        f"{HISTORY} is not the history of {MODEL}",
    ),
    "other bytes of an entry": (
        changed("history/000.json", b"Promoted", b"Aborted!"),
        "history/000.json is not what the hash of entry 0",
    ),
    "a statement that is gone": (
        {**SAVED, ATTESTATIONS: SAVED[ATTESTATIONS].split(b"\n", 1)[1]},
        "the statements are not those that the one on the bundle counts",
    ),
    "the last statement is gone": (
        {**SAVED, ATTESTATIONS: b"\n".join(SAVED[ATTESTATIONS].splitlines()[:-1])},
        "0 statements are about the bundle as a whole",
    ),
    "statements in another order": (
        {**SAVED, ATTESTATIONS: b"\n".join(reversed(SAVED[ATTESTATIONS].splitlines()))},
        "the statements are not those that the one on the bundle counts",
    ),
    "a line that is no envelope": (
        {**SAVED, ATTESTATIONS: b"{}\n[" + SAVED[ATTESTATIONS]},
        "line 2 of attestations.intoto.jsonl: the line is no DSSE envelope",
    ),
    "a sum that cannot be read": (
        {**SAVED, SUMS: SAVED[SUMS] + b"../../etc/passwd\n"},
        "of SHA256SUMS cannot be read",
    ),
    "statements that nobody signed beside those that are": (
        {**SAVED, UNSIGNED: SAVED[ATTESTATIONS]},
        f"{UNSIGNED} is there beside {ATTESTATIONS}",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_does_not_hold_is_named(what: str) -> None:
    files, words = TAMPERED[what]

    assert words in amiss(files)
    assert not checked(files, key=None).holds, "nor does it without a key"


def test_a_key_in_the_bundle_that_has_signed_nothing_is_told() -> None:
    theirs = KEYS["P-256"]().signer.pem

    assert f"{KEY} is another key than that of the signatures" in amiss({**SAVED, KEY: theirs})
    assert "no public key in PEM" in amiss({**SAVED, KEY: b"-"})
    assert checked({name: each for name, each in SAVED.items() if name != KEY}).holds


def test_a_payload_of_another_statement_passes_for_none() -> None:
    lines = [json.loads(line) for line in SAVED[ATTESTATIONS].splitlines()]
    lines[0]["payload"] = lines[1]["payload"]
    files = {**SAVED, ATTESTATIONS: "\n".join(map(json.dumps, lines)).encode()}

    assert "statement 1 has no signature of a key that was given" in amiss(files)


def with_history(change: Callable[[list[Manifest]], list[Manifest]]) -> Files:
    """A bundle of a model whose history was changed in the cluster, before it was exported and signed."""
    of = gathered()
    status = cast(Manifest, of.model["status"])
    status["history"] = [*change(cast("list[Manifest]", status["history"]))]
    return bundle(of, OURS)


BROKEN = {
    "an entry that was put in": with_history(lambda e: [*e, {**e[1], "previousHash": "0" * 64}]),
    "an entry that says something else": with_history(lambda e: [{**e[0], "message": "x"}, e[1]]),
}


def test_a_history_that_was_changed_in_the_cluster_is_found_in_the_bundle() -> None:
    assert "entry 2 does not follow entry 1" in amiss(BROKEN["an entry that was put in"])
    assert "entry 0 (1.0.0 Promoted) does not have the hash of what it says" in amiss(
        BROKEN["an entry that says something else"]
    )


def test_whoever_signs_anew_with_a_key_of_their_own_is_found_by_the_key_that_was_given() -> None:
    theirs = KEYS["P-256"]()
    forged = bundle(gathered("another reason"), theirs)

    assert "has no signature of a key that was given" in amiss(forged)
    alone = checked(forged, key=None)
    assert (alone.holds, alone.trusted) == (True, False), "its own key only tells that it is whole"


def test_a_bundle_without_signatures_vouches_for_nobody() -> None:
    files = bundle(gathered(), None)
    found = checked(files)

    assert UNSIGNED in files
    assert (found.holds, found.trusted, found.signed_by) == (True, False, "")
    both = {**files, EVALUATION: b"{}"}
    assert f"is about another {EVALUATION}" in amiss(summed(both))


def test_a_report_is_taken_for_that_of_its_evaluation_alone() -> None:
    of = gathered()
    name = f"sepsis-{OLD}-1"
    stored: Json = {"uri": "s3://r/a.html", "digest": f"sha256:{sha256(REPORT)}"}
    cast(Manifest, of.evaluations[0]["status"])["report"] = stored
    good = bundle(replace(of, reports={name: REPORT}), OURS)
    bad = bundle(replace(of, reports={name: b"another"}), OURS)

    assert checked(good).holds
    assert f"reports/{name}.html is not the report of Evaluation {name}" in amiss(bad)


def test_what_was_missing_from_the_start_is_told_and_is_no_failure() -> None:
    found = checked(bundle(replace(gathered(), evaluations=[]), OURS))

    assert found.holds
    told = [each.detail for each in found.checks if each.state.name == "WARNING"]
    assert told
    assert f"Evaluation sepsis-{OLD}-1, which the record cites, is not in the cluster" in told[0]


@pytest.mark.parametrize(
    "files", [{}, {"manifest.json": b"{}", SUMS: b""}, {"manifest.json": b"["}]
)
def test_what_is_no_bundle_is_told_as_that(files: Files) -> None:
    with pytest.raises(NoBundle, match="give a bundle"):
        verdict(files, [])


def test_lengths_keep_a_payload_from_passing_for_another_type() -> None:
    assert encoding("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def pem(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey, password: bytes = b"") -> bytes:
    """A private key in a file."""
    hidden = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden)


def test_keys_that_cannot_be_used_are_told_with_what_can() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    hidden = pem(key, b"secret")

    assert signing_key(hidden, b"secret").id == SigningKey(key).id
    for file, password in ((hidden, None), (hidden, b"wrong"), (b"no key", None)):
        with pytest.raises(KeyTrouble):
            signing_key(file, password)
    with pytest.raises(KeyTrouble, match="Ed25519 key, or one of ECDSA on P-256"):
        signing_key(pem(rsa.generate_private_key(65537, 2048)))
    with pytest.raises(KeyTrouble, match="no public key"):
        signer(pem(key))


@pytest.mark.parametrize("name", ["bundle", "bundle.tar", "bundle.tar.gz"])
def test_a_bundle_is_read_back_as_it_was_written(tmp_path: Path, name: str) -> None:
    write_bundle(tmp_path / name, SAVED)

    assert read_bundle(tmp_path / name) == SAVED
    with pytest.raises(Trouble, match="is there already"):
        write_bundle(tmp_path / name, SAVED)


def test_a_tar_file_leads_nobody_out_of_it(tmp_path: Path) -> None:
    for number, (name, kind) in enumerate(
        [("../x", tarfile.REGTYPE), ("/etc/x", tarfile.REGTYPE), ("link", tarfile.SYMTYPE)]
    ):
        path = tmp_path / f"{number}.tar"
        with tarfile.open(path, "w") as tar:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            tar.addfile(entry, io.BytesIO())
        with pytest.raises(Trouble, match="outside of it"):
            read_bundle(path)


def test_a_tar_file_that_is_damaged_or_odd_is_told_as_that(tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle.tar", SAVED)
    packed = bytearray(lzma.compress((tmp_path / "bundle.tar").read_bytes()))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "damaged.tar.xz").write_bytes(packed)
    with tarfile.open(tmp_path / "odd.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        entry = tarfile.TarInfo("x")
        entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
        tar.addfile(entry)

    for name in ("damaged.tar.xz", "odd.tar"):
        with pytest.raises(Trouble, match="neither a folder nor a tar file"):
            read_bundle(tmp_path / name)


def test_a_link_in_a_folder_is_no_file(tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle", SAVED)
    (tmp_path / "bundle" / "more").symlink_to("/etc/passwd")

    with pytest.raises(Trouble, match="which is no file"):
        read_bundle(tmp_path / "bundle")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle on the disk, and the key beside it."""
    write_bundle(tmp_path / "bundle", SAVED)
    (tmp_path / "ada.pub").write_bytes(OURS.signer.pem)
    return tmp_path / "bundle"


def test_the_exit_code_tells_a_bundle_that_holds_from_one_that_nobody_vouches_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verify = ["audit", "verify", str(folder)]
    with_key = [*verify, "--key", str(folder.parent / "ada.pub")]

    assert main(with_key) == Exit.WELL
    assert f"signed by the key {OURS.id}" in capsys.readouterr().out
    assert main(verify) == Exit.UNDECIDED
    (folder / EVALUATION).write_bytes(b"{}")
    assert main(with_key) == Exit.BAD
    assert f"{EVALUATION} was changed" in capsys.readouterr().out
    assert main([*with_key, "-o", "json"]) == Exit.BAD
    told = json.loads(capsys.readouterr().out)
    assert [text(each, "state") for each in items(told, "checks")].count("Failed") > 0
    assert main([*with_key, "--after", str(folder)]) == Exit.BAD
    assert "does not hold by itself" in capsys.readouterr().err
    (folder / EVALUATION).write_bytes(SAVED[EVALUATION])
    assert main([*with_key, "--after", str(folder)]) == Exit.WELL
    assert "the history goes on where it ended: yes" in capsys.readouterr().out
    (folder / SUMS).unlink()
    assert main(with_key) == Exit.USAGE
    assert main([*verify, "--key", str(folder / MODEL)]) == Exit.USAGE


# One for each thing that the recipe looks at.
BY_HAND = BROKEN | {
    what: TAMPERED[what][0]
    for what in (
        "a file that was added",
        "a file whose sum was changed with it",
        "a statement that is gone",
        "another history of the model",
    )
}
RECIPE = re.findall(r"```sh\n(set -eu\n.*?)```", Path("docs/audit.md").read_text(), re.DOTALL)


def by_hand(folder: Path, key: Path) -> subprocess.CompletedProcess[str]:
    """The recipe of the page, run in the folder of a bundle."""
    (recipe,) = RECIPE
    return subprocess.run(
        ["/bin/sh", "-c", recipe],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "KEY": str(key), "TMPDIR": str(folder.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.program("jq")
@pytest.mark.program("openssl")
@pytest.mark.parametrize("kind", KEYS)
def test_a_bundle_is_checked_by_hand_as_the_page_says(tmp_path: Path, kind: str) -> None:
    key = KEYS[kind]()
    write_bundle(tmp_path / "bundle", bundle(gathered(), key))
    (tmp_path / "ada.pub").write_bytes(key.signer.pem)

    done = by_hand(tmp_path / "bundle", tmp_path / "ada.pub")

    assert (done.returncode, done.stdout) == (0, "it holds\n"), done.stderr


@pytest.mark.program("jq")
@pytest.mark.program("openssl")
@pytest.mark.parametrize("what", BY_HAND)
def test_what_does_not_hold_stops_the_recipe(tmp_path: Path, what: str) -> None:
    write_bundle(tmp_path / "bundle", BY_HAND[what])
    (tmp_path / "ada.pub").write_bytes(OURS.signer.pem)

    done = by_hand(tmp_path / "bundle", tmp_path / "ada.pub")

    assert done.returncode != 0
    assert "it holds" not in done.stdout


@pytest.mark.program("jq")
@pytest.mark.program("openssl")
def test_another_key_stops_the_recipe(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "eve.pub").write_bytes(KEYS["Ed25519"]().signer.pem)

    assert by_hand(folder, tmp_path / "eve.pub").returncode != 0


def test_the_payload_of_an_envelope_is_the_statement_itself() -> None:
    line = SAVED[ATTESTATIONS].splitlines()[0].decode()

    assert read(line).payload == base64.b64decode(json.loads(line)["payload"])
