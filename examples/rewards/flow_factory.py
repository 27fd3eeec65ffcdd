"""Flow-Factory: a remote reward. It sends no metadata, so the server needs those of your prompts.

    spatialbench serve --bench geneval --metadata train_metadata.jsonl --port 18085

In the training's YAML:

    rewards:
      - name: spatial
        reward_model: flow_factory.rewards.my_reward_remote.RemotePointwiseRewardModel
        server_url: http://127.0.0.1:18085
        batch_size: 16

To see a reward before a training, with an image and its prompt:

    python examples/rewards/flow_factory.py dog.png "a photo of a dog"
"""

import base64
import json
import os
import sys
import urllib.request
from pathlib import Path

url = os.environ.get("REWARD_SERVER", "http://127.0.0.1:18085")
image = base64.b64encode(Path(sys.argv[1]).read_bytes()).decode()
body = json.dumps({"prompt": [sys.argv[2]], "image": [image]}).encode()
request = urllib.request.Request(f"{url}/compute", body, {"Content-Type": "application/json"})
with urllib.request.urlopen(request, timeout=60) as reply:
    answer = json.load(reply)
if "error" in answer:
    sys.exit(answer["error"])
print("reward", answer["rewards"][0])
