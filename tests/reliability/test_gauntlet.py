"""Everything that writes files, under every attack of ``gauntlet.py``.

Kills at an operation drawn by a fixed seed and at the last two, and limits on the size of files, for 16 writers, among them one
of each way to replace a file; ``-m slow`` takes all 20, all operations and all attacks.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("gauntlet.py")
ATTACKS = ["kill", "interrupt", "full disk", "read-only folder", "folder in the way", "odd names", "two at once"]
SHORT = ["kill", "full disk"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks and signals")


def tried(how, *words):
    """What became of each try."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, SCRIPT, folder, how, *words], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def hold(tries):
    """Nothing is lost, and whatever fails says what and where."""
    bad = [each for each in tries if not each["ok"]]
    assert not bad, "\n".join(map(str, bad[:10]))
    for attack in ATTACKS:
        print(attack, Counter(each["state"] for each in tries if each["attack"] == attack))


@pytest.fixture(scope="module")
def some():
    return tried("1", *SHORT)


@pytest.mark.parametrize("attack", SHORT)
def test_some(some, attack):
    tries = [each for each in some if each["attack"] == attack]
    assert len({each["writer"] for each in tries}) == 16
    hold(tries)


def test_the_operations_are_seen(some):
    """A writer that is killed at its last operation has written: else the count is of something else."""
    totals = {each["writer"]: each["total"] for each in some if each["attack"] == "kill"}
    assert min(totals.values()) >= 4, totals


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS)
def test_all(attack):
    hold(tried("all", attack))
