#!/usr/bin/env python3
"""Prints a list of crates that cargo-cyclonedx made, with those crates alone that are in the program, and no path of this machine.

sbom.py LIST < CRATES, where CRATES has a crate's name and version in each line, as `cargo tree --format '{p}'` prints them: cargo-cyclonedx
also lists what features that are off would want, and crates that only run while others are compiled.
"""

import json
import re
import sys

with open(sys.argv[1]) as file:
    # Cargo leaves the name out where the folder has it too.
    bom = json.loads(re.sub(r'"path\+file://[^"#]*#(netsift@)?', '"netsift@', file.read()))
crates = {(name, version.removeprefix("v")) for name, version, *_ in (line.split() for line in sys.stdin if line.strip())}
top = bom["metadata"]["component"]
bom["components"] = [crate for crate in bom["components"] if (crate["name"], crate["version"]) in crates]
missing = crates - {(crate["name"], crate["version"]) for crate in [top, *bom["components"]]}
if missing:
    sys.exit(f"{sys.argv[1]}: these are in the program and not in the list: {sorted(missing)}")
kept = {crate["bom-ref"] for crate in [top, *bom["components"]]}
bom["dependencies"] = [
    {**entry, "dependsOn": [ref for ref in entry.get("dependsOn", []) if ref in kept]}
    for entry in bom["dependencies"]
    if entry["ref"] in kept
]
print(json.dumps(bom, indent=1, ensure_ascii=False))
