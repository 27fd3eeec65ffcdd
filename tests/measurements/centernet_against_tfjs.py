r"""How far examples/real_detector is from TensorFlow.js, which its model was made for. By hand:

mkdir tfjs && npm install --prefix tfjs @tensorflow/tfjs
npm pack @vladmandic/human@3.3.6 && tar xzf vladmandic-human-3.3.6.tgz
python -m tests.measurements.centernet_against_tfjs tfjs package/models IMAGE...

Runs both on the images (TensorFlow.js takes some ten seconds for each) and prints the largest
differences; and writes what TensorFlow.js says of single operations to the file that
``tests/examples/real_detector`` reads. It needs node; the package's folder is on PYTHONPATH.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from centernet_tfjs.model_file import read_model
from centernet_tfjs.network import OUTPUT, CenterNet, Letterbox
from tests.examples.real_detector.cases import CASES, EXPECTED
from tests.examples.real_detector.tiny_graph import one_node

_PROGRAM = """
const fs = require('fs'), path = require('path');
const tf = require('@tensorflow/tfjs');
(async () => {
  await tf.setBackend('cpu');
  const answers = [];
  for (const task of JSON.parse(fs.readFileSync(0))) {
    const model = JSON.parse(fs.readFileSync(task.model));
    const group = model.weightsManifest[0];
    const parts = group.paths.map((name) => fs.readFileSync(path.join(task.model, '..', name)));
    const weights = new Uint8Array(Buffer.concat(parts)).buffer;
    const graph = await tf.loadGraphModel({ load: async () => ({
      modelTopology: model.modelTopology, format: model.format, signature: model.signature,
      weightSpecs: group.weights, weightData: weights }) });
    const feeds = {};
    for (const [name, file] of Object.entries(task.feeds)) {
      const values = new Float32Array(new Uint8Array(fs.readFileSync(file)).buffer);
      feeds[name] = tf.tensor(values, [1, 512, 512, 3]);
    }
    const output = graph.execute(feeds, task.output);
    answers.push({ shape: output.shape, dtype: output.dtype,
      values: Array.from(await output.data()) });
  }
  process.stdout.write(JSON.stringify({ version: tf.version.tfjs, answers }));
})();
"""


def tensorflow_js(tfjs: Path, tasks: Sequence[dict[str, Any]]) -> tuple[str, list[Any]]:
    """TensorFlow.js' version, and shape, dtype and values of each task's output."""
    result = subprocess.run(
        ["node", "-e", _PROGRAM],
        check=True,
        cwd=tfjs,
        input=json.dumps(tasks),
        stdout=subprocess.PIPE,
        text=True,
    )
    # The library greets on the same stream.
    said = json.loads(result.stdout[result.stdout.index('{"version"') :])
    return said["version"], said["answers"]


def main(tfjs: Path, models: Path, images: list[Path]) -> None:
    """Write the cases and print the differences."""
    with tempfile.TemporaryDirectory() as folder:
        tasks: list[dict[str, Any]] = []
        for place, case in enumerate(CASES):
            model = one_node(case.op, case.inputs, case.attributes).write(Path(folder, str(place)))
            tasks.append({"model": str(model), "output": case.output, "feeds": {}})
        letterboxes = []
        for path in images:
            with Image.open(path) as image:
                letterboxes.append(Letterbox.of(image.convert("RGB")))
            pixels = Path(folder, f"{len(letterboxes)}.f32")
            letterboxes[-1].pixels.numpy().tofile(pixels)
            model = models.resolve() / "centernet.json"
            feeds = {"tower_0/images": str(pixels)}
            tasks.append({"model": str(model), "output": OUTPUT, "feeds": feeds})
        version, answers = tensorflow_js(tfjs, tasks)
    cases = [json.dumps(answer) for answer in answers[: len(CASES)]]
    EXPECTED.write_text("[\n" + ",\n".join(cases) + "\n]\n")
    print(f"{len(cases)} operations: {EXPECTED} (TensorFlow.js {version})")
    network = CenterNet(read_model(models), "cpu")
    for path, letterbox, answer in zip(images, letterboxes, answers[len(CASES) :], strict=True):
        ours = network.look(letterbox.pixels)
        theirs = torch.tensor(np.array(answer["values"], np.float32)).reshape(answer["shape"][1:])
        apart = (ours - theirs).abs().amax(0)
        same = bool((ours[:, 5] == theirs[:, 5]).all())
        print(
            f"{path.parent.name}/{path.name}: {len(ours)} boxes, {apart[:4].max():.5f} px apart at"
        )
        print(
            f"  most, scores {apart[4]:.1e}; same classes: {same}; the first: {theirs[0].tolist()}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
