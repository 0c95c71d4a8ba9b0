"""Checks the artifact as far as that goes without a server: it is YAML with what an artifact has, and netsift takes the
arguments that its query gives.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ARTIFACT = Path(__file__).resolve().parent / "Custom.Netsift.Partial.yaml"
LOG = ARTIFACT.parent.parent.parent / "testdata" / "case" / "WS02" / "sysmon-export.evtx"


def main() -> None:
    artifact = yaml.safe_load(ARTIFACT.read_text())
    assert artifact["name"] == ARTIFACT.stem and artifact["type"] == "CLIENT"
    parameters = {parameter["name"]: parameter["default"] for parameter in artifact["parameters"]}
    query = artifact["sources"][0]["query"]
    assert all(f'ToolName="{tool["name"]}"' in query for tool in artifact["tools"])
    with tempfile.TemporaryDirectory() as folder:
        partial = Path(folder, "partial.parquet")
        Path(folder, "options.args").write_text(f"{parameters['Options']}\n")
        values = {"program[0].OSPath": sys.argv[1], '"@" + options': f"@{folder}/options.args", "Logs": str(LOG),
                  "report": f"{folder}/report.csv", "partial": str(partial), "Command": parameters["Command"]}
        terms = re.search(r"argv=\[(.*?)\],\n", query, re.DOTALL)[1].split(", ")
        line = [values[term] if term in values else re.fullmatch('"(.*)"', term)[1] for term in terms]
        subprocess.run(line, check=True)
        assert partial.read_bytes().endswith(b"PAR1")


if __name__ == "__main__":
    main()
