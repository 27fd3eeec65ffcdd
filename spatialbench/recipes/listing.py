"""What ``spatialbench reproduce --list`` shows: the recipes that come with this package."""

from __future__ import annotations

from ..reports.report import Report
from ..reports.tables import Table
from .loading import load, shipped
from .rows import points


def list_report() -> Report:
    """One row per shipped recipe, by id. Raises UserError for one that cannot be read."""
    rows, documents = [], []
    for name in shipped():
        recipe = load(name).recipe
        count = len(points(recipe, name))
        rows.append([name, recipe.title, recipe.benchmark, str(count)])
        documents.append(
            {
                "id": name,
                "title": recipe.title,
                "benchmark": recipe.benchmark,
                "rows": count,
                "source": recipe.source,
                "about": recipe.about,
            }
        )
    notes = ["'spatialbench reproduce ID --dry-run' prints hours, disk and price of each row"]
    table = Table(["recipe", "what it is", "benchmark", "rows"], rows, notes=notes)
    return Report([table], {"recipes": documents})
