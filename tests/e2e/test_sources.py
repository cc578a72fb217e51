"""Held-out data that are not on a volume, in a Job with the credentials of a Secret."""

import hashlib

from mlhops.api.base import Manifest
from testkit.ward import Ward
from tests.unit.evaluator.remote import s3_server


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
