"""Held-out data and artefacts that are not on a volume, fetched with the credentials of a Secret."""

import hashlib

from mlhops.api.base import Manifest
from testkit.ward import Ward
from tests.unit.evaluator.remote import S3, s3_server


def secret(ward: Ward, **values: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "held-out-reader", "namespace": ward.namespace},
        "stringData": {**values},
    }


def test_data_in_s3_are_waited_for_until_the_secret_is_there_and_then_judged(ward: Ward) -> None:
    content = (ward.data / "held-out.parquet").read_bytes()
    with s3_server() as s3:
        ward.apply(
            "1.0.0",
            evaluation__data__uri=s3.put("mortality.parquet", content),
            evaluation__data__endpoint=s3.url,
            evaluation__data__secretName="held-out-reader",
            evaluation__data__digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
        )
        waiting = ward.wait_for_message('secret "held-out-reader" not found')
        assert waiting.status.candidate is not None
        assert waiting.status.candidate.weight == 0
        ward.cluster.apply(secret(ward, AWS_ACCESS_KEY_ID=s3.key, AWS_SECRET_ACCESS_KEY=s3.secret))
        ward.wait("Healthy", version="1.0.0")


def test_data_that_the_secret_may_not_read_are_an_error(ward: Ward) -> None:
    with s3_server() as s3:
        wrong = "hush-hush-hush"
        ward.cluster.apply(secret(ward, AWS_ACCESS_KEY_ID=s3.key, AWS_SECRET_ACCESS_KEY=wrong))
        ward.apply(
            "1.0.0",
            evaluation__data__uri=s3.put("mortality.parquet", b"private"),
            evaluation__data__endpoint=s3.url,
            evaluation__data__secretName="held-out-reader",
        )
        model = ward.wait_for_message("access is refused (SignatureDoesNotMatch)")
        assert model.status.phase == "Degraded"
        assert wrong not in model.status.message
        assert ward.weights() == {}


READER = "artefact-reader"


def account(s3: S3, namespace: str) -> list[Manifest]:
    """A ServiceAccount with a Secret as KServe reads it for its storage initializer."""
    metadata: Manifest = {"name": READER, "namespace": namespace}
    where: Manifest = {
        "serving.kserve.io/s3-endpoint": s3.url.removeprefix("http://"),
        "serving.kserve.io/s3-usehttps": "0",
        "serving.kserve.io/s3-region": "us-east-1",
    }
    keys: Manifest = {"AWS_ACCESS_KEY_ID": s3.key, "AWS_SECRET_ACCESS_KEY": s3.secret}
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {**metadata, "annotations": where},
            "stringData": keys,
        },
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata,
            "secrets": [{"name": READER}],
        },
    ]


def test_an_artefact_in_s3_is_waited_for_until_its_account_is_there_and_then_fetched(
    ward: Ward,
) -> None:
    with s3_server() as s3:
        artefact = (ward.models / "1.0.0" / "model.joblib").read_bytes()
        uri = s3.put("mortality/1.0.0/model.joblib", artefact)
        changes: Manifest = {
            "predictor__serviceAccountName": READER,
            "predictor__storageUri": uri.removesuffix("/model.joblib"),
        }
        ward.apply("1.0.0", **changes)
        ward.wait_for_message(f'serviceaccount "{READER}" not found')
        ward.cluster.apply(*account(s3, ward.namespace))
        ward.wait("Healthy", version="1.0.0")

        # when the next version's artefact is not there, KServe's own words say so
        ward.apply("3.0.0", **{**changes, "predictor__storageUri": f"{uri}/nowhere"})
        model = ward.wait_for_message("container storage-initializer exited with code 1")
        assert "No model found in mortality/1.0.0/model.joblib/nowhere" in model.status.message
