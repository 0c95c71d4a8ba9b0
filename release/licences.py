#!/usr/bin/env python3
"""Prints the licences of the crates in a program, which ask to be handed on with it: licences.py TARGET < CRATES.

CRATES has a crate's name and version in each line, as `cargo tree --format '{p}'` prints them. Texts that are the same are printed once.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

TEXTS = re.compile(r"(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE)([-._].*)?", re.IGNORECASE)

crates = {(name, version.removeprefix("v")) for name, version, *_ in (line.split() for line in sys.stdin if line.strip())}
command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", sys.argv[1]]
packages = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["packages"]
listed, texts = [], {}
for package in sorted(packages, key=lambda package: (package["name"], package["version"])):
    name, version = package["name"], package["version"]
    if (name, version) not in crates or package["source"] is None:
        continue
    folder = Path(package["manifest_path"]).parent
    paths = sorted(path for path in folder.iterdir() if path.is_file() and TEXTS.fullmatch(path.name))
    listed.append(f"{name} {version}: {package['license']}{'' if paths else ', by ' + ', '.join(package['authors'] or ['its authors'])}")
    for path in paths:
        text = "\n".join(line.rstrip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()).strip("\n")
        texts.setdefault(text, []).append(f"{name} {version}")
print("netsift contains these crates, under their licences, whose texts follow:\n")
print(*listed, sep="\n")
print("\nand the standard library of Rust, by The Rust Project Contributors, under MIT OR Apache-2.0.")
for text, names in texts.items():
    print(f"\n{'-' * 80}\n{', '.join(names)}\n\n{text}")
