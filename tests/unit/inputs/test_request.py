"""What the evaluator and the detector's own row send is one document; what one asks the other reads."""

import json

import pytest

from mlhops.api.interface import Feature, Output, Protocol, Request
from mlhops.detector.decode import Decoder
from mlhops.detector.envelope import event
from mlhops.inputs.request import SentColumn, document

FEATURES = [Feature(name="age"), Feature(name="crp")]
COLUMNS = [SentColumn("age", "INT64", [61, 47]), SentColumn("crp", "FP64", [1.5, None])]
HEADERS = {"Ce-Type": "org.kubeflow.serving.inference.request"}


@pytest.mark.parametrize("protocol", ["v1", "v2"])
@pytest.mark.parametrize("encoding", ["Matrix", "Columns", "Tensors"])
def test_a_request_in_each_form_is_read_as_what_was_asked(
    protocol: Protocol, encoding: str
) -> None:
    asked = Request.model_validate({"encoding": encoding})
    body = json.dumps(document(COLUMNS, asked, protocol)).encode()
    decoded = Decoder(FEATURES, Output(threshold=0.5), 10_000).decode(event(HEADERS, body))
    assert [list(row) for row in decoded.rows] == [[61, 1.5], [47, None]]
    assert decoded.form is not None
    assert (decoded.form.protocol, decoded.form.encoding) == (protocol, encoding)
