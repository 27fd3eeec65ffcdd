"""A server in a process of its own whose model never comes to an end."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from spatialbench.serve.asked import Ready
from spatialbench.serve.limits import Limits
from spatialbench.serve.own_json import OwnJson
from spatialbench.serve.serving import Bound, serve

from .fakes import FakeScorer


def _stuck(batch: Sequence[Ready]) -> None:
    print("stuck", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    bound = Bound("127.0.0.1", 0)
    serve(
        bound,
        FakeScorer(fails=_stuck),
        lambda identity: [OwnJson(identity)],
        Limits(),
        lambda identity: print(bound.server.server_address[1], flush=True),
        lambda line: print(line, flush=True),
    )
