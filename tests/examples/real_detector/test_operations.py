"""Each operation, and the order of a graph, against TensorFlow.js and by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from centernet_tfjs.graph import Graph
from centernet_tfjs.model_file import read_model
from centernet_tfjs.operations import OPERATIONS
from spatialbench.errors import UserError
from tests.examples.real_detector.cases import CASES, EXPECTED, Case
from tests.examples.real_detector.tiny_graph import ONES, TinyModel, one_node

ANSWERS = json.loads(EXPECTED.read_text())


def test_every_operation_has_a_case() -> None:
    assert {case.op for case in CASES} == set(OPERATIONS)
    assert len(ANSWERS) == len(CASES)


@pytest.mark.parametrize(
    ("case", "answer"),
    [
        pytest.param(case, answer, id=f"{place}-{case.op}")
        for place, (case, answer) in enumerate(zip(CASES, ANSWERS, strict=False))
    ],
)
def test_an_operation_gives_what_tensorflow_js_gives(
    tmp_path: Path, case: Case, answer: dict[str, Any]
) -> None:
    model = one_node(case.op, case.inputs, case.attributes)
    if case.output != "out":
        model.node("Identity", "second", case.output)
    path = model.write(tmp_path)
    graph = Graph(read_model(path), "second" if case.output != "out" else "out", "cpu")
    found = graph()
    assert list(found.shape) == answer["shape"]
    assert str(found.dtype) == f"torch.{answer['dtype']}"
    np.testing.assert_allclose(found.numpy().ravel(), answer["values"], rtol=1e-6, atol=1e-6)


def test_nodes_in_any_order_and_a_control_input(tmp_path: Path) -> None:
    model = TinyModel()
    model.node("Mul", "out", "sum", "x", "^never/there/first")
    model.node("Add", "sum", "x", "two")
    model.node("NoSuchThing", "unused", "x")
    model.node("Placeholder", "tower_0/x")
    model.nodes[0]["input"][1] = model.nodes[1]["input"][0] = "tower_0/x"
    model.const("two", 2.0)
    graph = Graph(read_model(model.write(tmp_path)), "out", "cpu")
    assert graph(x=torch.tensor([3.0, 5.0])).tolist() == [15.0, 35.0]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda nodes: nodes[-1].update(op="Erf"), "not known here, Erf"),
        (lambda nodes: nodes[-1].update(op=None), "not known here, None"),
        (
            lambda nodes: nodes[-1]["attr"]["strides"]["list"].update(i=["1"] * 2),
            "IndexError|Runtime",
        ),
        (lambda nodes: nodes[-1]["attr"]["strides"]["list"].update(i=["0"] * 4), "ZeroDivision"),
        (lambda nodes: nodes[-1].update(input=["out"]), "malformed"),
        (lambda nodes: nodes[-1].update(input=["nowhere"]), "malformed .*nowhere"),
        (lambda nodes: nodes[-1].update(attr=7), "malformed"),
        (lambda nodes: nodes.append({}), "malformed"),
        (lambda nodes: nodes[-1]["attr"]["padding"].update(s="RVhQTElDSVQ="), "'EXPLICIT'"),
        (lambda nodes: nodes[-1]["attr"]["data_format"].update(s="TkNIVw=="), "'NCHW'"),
        (lambda nodes: nodes[-1]["attr"]["fused_ops"]["list"].update(s=["RWx1"]), "'Elu'"),
        (lambda nodes: nodes[-1]["input"].reverse(), "node 'out' .* cannot be computed"),
    ],
)
def test_a_graph_that_cannot_be_followed_is_refused(
    tmp_path: Path, spoil: Any, message: str
) -> None:
    attributes = {"padding": "SAME", "strides": ONES, "dilations": ONES, "data_format": "NHWC"}
    inputs = [np.ones((1, 4, 4, 2)), np.ones((3, 3, 2, 1)), np.ones(1)]
    model = one_node("_FusedConv2D", inputs, {**attributes, "fused_ops": ["BiasAdd"]})
    spoil(model.nodes)
    file = read_model(model.write(tmp_path))
    with pytest.raises(UserError, match=message):
        Graph(file, "out", "cpu")()
