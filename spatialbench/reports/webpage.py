"""Tables as one small HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from .tables import Table

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ tables[0].title or "spatialbench" }}</title>
<style>
:root { color-scheme: light dark; --line: light-dark(#d5dae1, #3a414b);
        --faint: light-dark(#667085, #98a1ad); }
body { font: 14px/1.5 system-ui, sans-serif; margin: 32px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin-top: 24px; }
caption { text-align: left; font-weight: 650; font-size: 16px; padding: 6px 0; }
th, td { padding: 4px 12px 4px 0; text-align: left; vertical-align: top; }
th, .n { white-space: nowrap; }
th { border-bottom: 1px solid currentColor; }
.n { text-align: right; }
tr.rule td { border-top: 1px solid var(--line); }
td:first-child { min-width: 14ch; }
td:last-child { min-width: 34ch; color: var(--faint); }
.wide { overflow-x: auto; }
p { color: var(--faint); font-size: 12.5px; margin: 4px 0; max-width: 110ch;
    overflow-wrap: anywhere; }
</style>
</head>
<body>
{% for table in tables %}
{% set right = table.right %}
<div class="wide">
<table>
{% if table.title %}
<caption>{{ table.title }}</caption>
{% endif %}
<thead><tr>
{%- for name in table.columns %}
<th{% if right[loop.index0] %} class="n"{% endif %}>{{ name }}</th>
{%- endfor %}
</tr></thead>
<tbody>
{% for row in table.rows %}
{% set number = loop.index0 %}
<tr{% if number in table.rules %} class="rule"{% endif %}>
{%- for cell in row %}
<td{% if right[loop.index0] %} class="n"{% endif %}>
{%- if (number, loop.index0) in table.bold %}<b>{{ cell }}</b>{% else %}{{ cell }}{% endif -%}
</td>
{%- endfor %}
</tr>
{% endfor %}
</tbody>
</table>
</div>
{% for note in table.notes %}
<p>{{ note }}</p>
{% endfor %}
{% endfor %}
</body>
</html>
"""


def html_page(tables: Sequence[Table]) -> str:
    """A whole page; cells and notes are escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(_PAGE).render(tables=tables)
