"""A trainer of your own: JSON, for the prompts of any benchmark, by id, text or metadata.

    spatialbench serve --bench visor --port 18085

Import rewards() in your training loop. To see one before a training, with an image and the id of
its prompt:

    python examples/rewards/any_trainer.py image.png 1103
"""

import base64
import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

url = os.environ.get("REWARD_SERVER", "http://127.0.0.1:18085") + "/v1/rewards"


def rewards(images: list[bytes], prompt_ids: list[str]) -> list[dict[str, Any]]:
    """What the server says of each image; waits while it is busy."""
    pairs = zip(images, prompt_ids, strict=True)
    asked = [{"image": base64.b64encode(one).decode(), "prompt_id": name} for one, name in pairs]
    while True:
        try:
            with urllib.request.urlopen(url, json.dumps({"images": asked}).encode()) as reply:
                found: list[dict[str, Any]] = json.load(reply)["rewards"]
                return found
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise SystemExit(json.load(error)["error"]) from error
            time.sleep(int(error.headers["Retry-After"]))


if __name__ == "__main__":
    for one in rewards([Path(sys.argv[1]).read_bytes()], [sys.argv[2]]):
        # An image without a reward has "error" instead, and never a reward of 0.
        print(one.get("error") or f"reward {one['reward']}: {one['reason']}")
