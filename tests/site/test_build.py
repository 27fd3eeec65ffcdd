"""A site holds every run once, says which it cannot show, and replaces nothing but a site."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from spatialbench import plugins
from spatialbench.cli import main
from spatialbench.errors import UserError
from spatialbench.reports.gallery.build import Wishes
from spatialbench.runs.progress import Silent
from spatialbench.site import boards, build
from spatialbench.site.boards import Board
from spatialbench.site.build import build_site
from spatialbench.site.collecting import Collection
from spatialbench.site.writing import SiteWishes

from ..tree import tree
from .conftest import painted, site

HOSTILE = "<img src=x onerror=alert(1)>\"'`</script>[a](b) | $x^2$ =1+1"


class Page(HTMLParser):
    """What a page holds: its tags, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str]:
        """Where it leads, fragments apart."""
        given = [own.get(name) for _, own in self.tags for name in ("href", "src")]
        return [unquote(place.partition("#")[0]) for place in given if place and place[0] != "#"]


def test_every_link_leads_to_a_file(runs: Path, tmp_path: Path) -> None:
    built = site(runs, tmp_path / "out")
    assert (built.runs, built.comparisons, built.without) == (2, 1, {})
    pages = list((tmp_path / "out").rglob("*.html"))
    assert len(pages) == 1 + 2 + 1
    for page in pages:
        for place in Page(page).links():
            assert ":" not in place or place == "data:,"
            assert place == "data:," or (page.parent / place).is_file(), (page, place)


def test_the_first_page_has_every_number(runs: Path, tmp_path: Path) -> None:
    page = Page(site(runs, tmp_path / "out").index)
    assert "painter (skill=0.2)" in page.text
    assert "painter (skill=0.9)" in page.text
    assert "a coin" in page.text
    rows = [own["class"] for tag, own in page.tags if tag == "tr" and "data-base" in own]
    assert rows == ["own", "own", "paper"]
    without = Page(site(runs, tmp_path / "other", SiteWishes(published=False)).index)
    assert "a coin" not in without.text


def test_the_same_runs_give_the_same_bytes(runs: Path, tmp_path: Path) -> None:
    for wishes in (SiteWishes(), SiteWishes(pages=Wishes(copy=True))):
        site(runs, tmp_path / "out", wishes)
        before = tree(tmp_path / "out")
        site(runs, tmp_path / "out", wishes)
        assert tree(tmp_path / "out") == before


def test_a_copy_stands_alone(runs: Path, tmp_path: Path) -> None:
    site(runs, tmp_path / "out", SiteWishes(pages=Wishes(copy=True)))
    shutil.rmtree(runs)
    shown = list((tmp_path / "out").glob("runs/*/images/A/*"))
    assert len(shown) == 2 * len(list((tmp_path / "out").glob("compare/*/images/A/*"))) > 0


def test_nothing_but_a_site_is_replaced(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").write_text("<h1>my own page</h1>")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "index.html").symlink_to(tmp_path / "web" / "index.html")
    before = tree(tmp_path)
    for name, why in {
        "mine": "holds files that are not a site's",
        "web": "is not a page of a site",
        "linked": "holds files that are not a site's",
        "runs": "holds files that are not a site's",
        "runs/good": "run",
    }.items():
        with pytest.raises(UserError, match=why):
            site(runs, tmp_path / name)
    assert tree(tmp_path) == before


def test_no_run(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    for folders, why in (
        ([], "none is named"),
        ([tmp_path / "nothing"], "can be shown"),
        ([tmp_path / "not there"], "there is no run directory"),
    ):
        with pytest.raises(UserError, match=why):
            build_site(folders, tmp_path / "out", SiteWishes(), Silent())
    assert not (tmp_path / "out").exists()
    assert main(["site", "--out", str(tmp_path / "out")]) == 2


def test_a_run_whose_images_are_gone(runs: Path, tmp_path: Path) -> None:
    shutil.rmtree(runs / "good" / "images")
    built = site(runs, tmp_path / "out")
    assert built.runs == 2
    assert Page(built.index).text.count("images gone") == 1
    (page,) = (tmp_path / "out" / "runs").glob("*0.9*/index.html")
    assert "image files of this run are gone or changed" in Page(page).text
    assert '"src":null' in (page.parent / "data" / "0.js").read_text()
    (other,) = (tmp_path / "out" / "runs").glob("*0.2*/index.html")
    assert "are gone" not in Page(other).text


def test_a_run_that_is_removed_meanwhile(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = boards.boards

    def then_removed(collected: Collection, published: bool) -> Sequence[Board]:
        found = real(collected, published)
        shutil.rmtree(runs / "good")
        return found

    monkeypatch.setattr(build, "boards", then_removed)
    built = site(runs, tmp_path / "out")
    assert (built.runs, built.comparisons) == (1, 0)
    assert list(built.without) == [str(runs / "good")]
    page = Page(built.index)
    assert "Without a page" in page.text
    assert str(runs / "good") in page.text
    assert not [place for place in page.links() if "0.9" in place]


def test_a_damaged_run_does_not_stop_the_rest(runs: Path, tmp_path: Path) -> None:
    (runs / "good" / "summary.json").write_text("{")
    built = site(runs, tmp_path / "out")
    assert built.runs == 1
    assert "is not a summary this version reads" in built.without[str(runs / "good")]
    assert "is not a summary this version reads" in Page(built.index).text


@pytest.mark.parametrize("damaged", ["good", "bad"])
def test_a_damaged_run_takes_no_other_with_it(runs: Path, tmp_path: Path, damaged: str) -> None:
    """Whether it is the reference or is set beside it: its records are read after its numbers."""
    (journal,) = (runs / damaged / "detections").glob("*/detections.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0][:40] + b"\n", *lines[1:]]))
    built = site(runs, tmp_path / "out")
    assert (built.runs, built.comparisons) == (1, 0)
    assert list(built.without) == [str(runs / damaged)]
    assert "line 1, is corrupt" in built.without[str(runs / damaged)]
    assert len(list((tmp_path / "out" / "runs").iterdir())) == 1
    assert not list((tmp_path / "out").glob("compare/*"))


def test_a_run_without_scores_is_named(runs: Path, tmp_path: Path) -> None:
    (runs / "good" / "summary.json").unlink()
    assert "is not scored" in site(runs, tmp_path / "out").without[str(runs / "good")]


def test_two_runs_of_one_name(plugin_package: Path, tmp_path: Path) -> None:
    for skill in ("0.2", "0.9"):
        painted(tmp_path / "runs" / skill, "--set", f"skill={skill}", "--name", "ours")
    built = site(tmp_path / "runs", tmp_path / "out")
    assert built.runs == 2
    text = Page(built.index).text
    assert "ours (skill=0.2)" in text
    assert "ours (skill=0.9)" in text
    assert len(list((tmp_path / "out" / "runs").iterdir())) == 2


def test_a_copy_of_a_run_is_one_row(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "good", runs / "other")
    built = site(runs, tmp_path / "out")
    assert built.runs == 2
    assert "a copy of" in built.without[str(runs / "other")]


def test_names_are_shown_and_obeyed_by_nothing(plugin_package: Path, tmp_path: Path) -> None:
    painted(tmp_path / "runs" / "a", "--name", HOSTILE)
    painted(tmp_path / "runs" / "b", "--set", "skill=0.9")
    built = site(tmp_path / "runs", tmp_path / "out", SiteWishes(title=HOSTILE + "\x1b[31m"))
    pages = list((tmp_path / "out").rglob("*.html"))
    assert HOSTILE in Page(built.index).text
    for path in pages:
        page = Page(path)
        assert not [own for _, own in page.tags if any(name.startswith("on") for name in own)]
        assert "x" not in [own.get("src") for _, own in page.tags]
        scripts = [own.get("src") for tag, own in page.tags if tag == "script"]
        assert all(scripts) or scripts.count(None) == 1
        assert "\x1b" not in path.read_text("utf-8")
    assert HOSTILE in "".join(Page(path).text for path in pages if path != built.index)
    for data in (tmp_path / "out").rglob("*.js"):
        assert "</script" not in data.read_text("utf-8")
    for chart in (tmp_path / "out").rglob("*.svg"):
        assert "<img" not in chart.read_text("utf-8")


def test_a_reference_is_one_of_the_runs(runs: Path, tmp_path: Path) -> None:
    site(runs, tmp_path / "out", SiteWishes(reference=runs / "good"))
    (page,) = (tmp_path / "out" / "compare").iterdir()
    assert page.name == "painter-skill-0.2-against-painter-skill-0.9"
    with pytest.raises(UserError, match="none of the runs of this site"):
        site(runs, tmp_path / "out", SiteWishes(reference=tmp_path))


def test_the_reference_is_a_baseline_of_the_prompts_as_they_are(
    plugin_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins.load("method", "painter"), "baseline", True)
    painted(tmp_path / "runs" / "a", "--prompt-transform", "photo")
    painted(tmp_path / "runs" / "b")
    site(tmp_path / "runs", tmp_path / "out")
    (page,) = (tmp_path / "out" / "compare").iterdir()
    assert page.name == "painter-photo-against-painter"


def test_a_page_has_a_title(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--title has no words"):
        site(runs, tmp_path / "out", SiteWishes(title=" \t"))
    assert not (tmp_path / "out").exists()


def test_labels(runs: Path, tmp_path: Path) -> None:
    built = site(runs, tmp_path / "out", SiteWishes(labels=[f"{runs / 'good'}=the good one"]))
    assert "the good one" in Page(built.index).text
    with pytest.raises(UserError, match="no run of this table"):
        site(runs, tmp_path / "out", SiteWishes(labels=["nobody=x"]))


def test_charts_in_other_forms(runs: Path, tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    site(runs, tmp_path / "out", SiteWishes(pages=Wishes(figures=("pdf", "png"))))
    for svg in (tmp_path / "out").rglob("*.svg"):
        assert svg.with_suffix(".pdf").read_bytes().startswith(b"%PDF-")
        assert svg.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_the_command_prints_the_page(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs / "bad" / "summary.json").unlink()
    capsys.readouterr()
    assert main(["site", str(runs), "--out", str(tmp_path / "out"), "--no-sweep"]) == 0
    printed = capsys.readouterr()
    assert printed.out.strip() == str(tmp_path / "out" / "index.html")
    assert f"without a page: {runs / 'bad'}: it is not scored" in printed.err
