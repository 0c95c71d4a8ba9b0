#!/usr/bin/env python3
"""Prints the manifest for scoop: scoop.py URL VERSION SHA256SUMS, where URL is the folder that the files are downloaded from."""

import json
import sys

url, version, sums = sys.argv[1:]
name = f"netsift-{version}-x86_64-pc-windows-gnu"
with open(sums) as lines:
    hashes = dict(reversed(line.split()) for line in lines)
manifest = {
    "version": version,
    "description": "Finds network connections of chosen processes in collected Sysmon event logs",
    "homepage": url,
    "license": "MIT|Apache-2.0",
    "architecture": {"64bit": {"url": f"{url}/{name}.zip", "hash": hashes[f"{name}.zip"], "extract_dir": name}},
    "bin": "netsift.exe",
}
print(json.dumps(manifest, indent=4))
