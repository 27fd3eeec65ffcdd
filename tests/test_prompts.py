"""What a set of prompts is known by."""

from __future__ import annotations

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from spatialbench.prompts import Prompt, prompt_set_hash


@given(st.lists(st.tuples(st.text(), st.text()), max_size=8))
def test_the_hash_is_of_a_line_of_json_per_prompt(pairs: list[tuple[str, str]]) -> None:
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(json.dumps(pair).encode() + b"\n")
    prompts = [Prompt(prompt_id, text, "left") for prompt_id, text in pairs]
    assert prompt_set_hash(prompts) == prompt_set_hash(tuple(prompts)) == digest.hexdigest()
