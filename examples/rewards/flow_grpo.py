"""Flow-GRPO: its reward function "geneval" asks this server as it asks its own.

    spatialbench serve --bench geneval --port 18085

In config/grpo.py: config.reward_fn = {"geneval": 1.0}; nothing else is changed. To see a reward
before a training, with an image and its line of the trainer's metadata file:

    python examples/rewards/flow_grpo.py dog.jpg '{"tag": "single_object", "include": ...}'
"""

import json
import os
import pickle
import sys
import urllib.request
from pathlib import Path

url = os.environ.get("REWARD_SERVER", "http://127.0.0.1:18085")
image, metadata = Path(sys.argv[1]).read_bytes(), json.loads(sys.argv[2])
request = {"images": [image], "meta_datas": [metadata], "only_strict": False}
with urllib.request.urlopen(url, pickle.dumps(request), timeout=120) as reply:
    rewards = pickle.loads(reply.read())
print("reward", rewards["scores"][0], "strict", rewards["strict_rewards"][0])
