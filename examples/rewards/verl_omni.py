"""verl-omni: its HTTP scorer. It sends no metadata, so the server needs those of your prompts.

    spatialbench serve --bench geneval --metadata train_metadata.jsonl --port 18085

Options of the training's command; "required" because a failed reward is a 0 without it:

    +reward.reward_functions.spatial.path=pkg://verl_omni.utils.reward_score.http_scorer_client
    +reward.reward_functions.spatial.name=compute_score
    +reward.reward_functions.spatial.weight=1.0
    +reward.reward_functions.spatial.server_url=http://127.0.0.1:18085
    +reward.reward_functions.spatial.required=true

The data set's ground_truth is the prompt's text, or its metadata line as JSON, which needs no
--metadata. To see a reward before a training, with an image and either of them:

    python examples/rewards/verl_omni.py dog.jpg "a photo of a dog"
"""

import os
import pickle
import sys
import urllib.request
from pathlib import Path

url = os.environ.get("REWARD_SERVER", "http://127.0.0.1:18085")
request = {"images": [Path(sys.argv[1]).read_bytes()], "prompts": [sys.argv[2]], "metadata": {}}
headers = {"Content-Type": "application/octet-stream"}
asked = urllib.request.Request(url, pickle.dumps(request), headers)
with urllib.request.urlopen(asked, timeout=120) as reply:
    print("reward", pickle.loads(reply.read())["scores"][0])
