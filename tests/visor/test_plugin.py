"""The plug-in as the harness meets it."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from spatialbench.benchmarks.visor import PLUGIN
from spatialbench.errors import UserError
from tests.imported_modules import imported_by


def test_found_through_its_entry_point() -> None:
    (entry,) = entry_points(group="spatialbench.benchmarks", name="visor")
    assert entry.load() is PLUGIN


def test_imports_nothing_heavy() -> None:
    heavy = {"torch", "pandas", "scipy", "transformers"}
    assert not heavy & imported_by("import spatialbench.benchmarks.visor")


def test_protocol_seeds_and_labels() -> None:
    prompt = PLUGIN.prompts(PLUGIN.default_subset)[0]
    assert [PLUGIN.seed(prompt, k) for k in range(PLUGIN.images_per_prompt)] == [42, 43, 44, 45]
    assert PLUGIN.labels(prompt) == ("person", "bicycle")
    (rule,) = PLUGIN.rules.values()
    assert (rule.name, rule.threshold, PLUGIN.detector) == ("visor-centroid/1", 0.1, "owlvit")


def test_a_cluster_is_an_object_pair() -> None:
    prompts = PLUGIN.prompts("relational")
    clusters = PLUGIN.clusters(prompts)
    assert len(clusters) == len(prompts)
    assert len(set(clusters)) == 3160
    assert {tuple(sorted(p.objects)) for p, c in zip(prompts, clusters, strict=True) if c} == {
        tuple(c.split(" + ")) for c in clusters
    }
    assert PLUGIN.clusters(prompts[:2]) == ["bicycle + person"] * 2


def test_unknown_prompt_set() -> None:
    with pytest.raises(UserError, match="unknown VISOR prompt set 'spatial'"):
        PLUGIN.prompts("spatial")
