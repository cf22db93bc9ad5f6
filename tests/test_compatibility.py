"""Every row of the page on compatibility names a test that is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "compatibility.md"
ROWS = [line for line in PAGE.read_text().splitlines() if re.match(r"\| (?!---|format)", line)]


def test_the_page_is_in_the_index_and_has_rows():
    assert "\ncompatibility\n" in (ROOT / "docs" / "index.md").read_text()
    assert len(ROWS) > 30


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip() for row in ROWS])
def test_a_row_names_a_test(row):
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert len(cells) == 4
    named = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)(?:\[(.+)\])?`", cells[3])
    assert named, cells[3]
    text = (ROOT / named[1]).read_text()
    assert re.search(rf"^def {named[2]}\(", text, re.MULTILINE), f"{named[1]} has no {named[2]}"
    assert named[3] is None or named[3] in text, f"{named[1]} has no case {named[3]!r}"
