"""Print the lower bounds of the dependencies as constraints for pip: ``python .ci/oldest.py > oldest.txt``."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
for line in project["dependencies"]:
    if found := re.fullmatch(r"([\w-]+)>=([\w.]+)", line):
        print(f"{found[1]}=={found[2]}")
