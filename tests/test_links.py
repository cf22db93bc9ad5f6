"""Links between the files of the repository lead somewhere, and the check of the built pages finds those that do not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "docs" / "dev").glob("*.md"),
    *ROOT.glob(".github/**/*.md"),
    ROOT / "benchmarks" / "README.md",
]


def anchors(path: Path) -> set[str]:
    """Names of the sections of a Markdown file, as GitHub and MyST make them, and those set by hand."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    names = {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
    return names | set(re.findall(r"^\((.*)\)=$", text, re.MULTILINE))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    for link in links:
        if re.match(r"\w+:", link):
            continue
        target, _, anchor = link.partition("#")
        goal = path.parent / target if target else path
        assert goal.exists(), link
        if anchor and goal.suffix == ".md":
            assert anchor in anchors(goal), link


def test_check_of_the_built_pages(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here">1</a> <a href="b.html#gone">2</a> <a href="https://x.y/z">3</a>'
    )
    (tmp_path / "b.html").write_text('<h1 id="here">B</h1> <img src="c.png"> <a href="#top">no</a>')
    call = [sys.executable, ROOT / "docs" / "check_links.py", tmp_path]
    result = subprocess.run(call, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stdout.splitlines() == [
        "a.html: b.html#gone: no such anchor",
        "b.html: #top: no such anchor",
        "b.html: c.png: no such file",
        "3 broken links",
    ]
    for page in tmp_path.glob("*.html"):
        page.write_text('<a href="a.html">1</a>')
    assert subprocess.run(call, capture_output=True, text=True).stdout == "0 broken links\n"
