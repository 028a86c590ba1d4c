#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Name every script of the repository that Python cannot parse, and end with 1 if there is one: scripts.py ROOT"""

import ast
import pathlib
import sys

bad = 0
scripts = [path for folder in ("bench", "cmake", "examples", "tests") for path in sorted(pathlib.Path(sys.argv[1], folder).rglob("*.py"))]
for script in scripts:
    try:
        ast.parse(script.read_text(), str(script))
    except (SyntaxError, ValueError) as error:
        bad += 1
        print(f"{script}: {error}")
print(f"{len(scripts)} scripts, {bad} that cannot be parsed")
sys.exit(bad > 0 or not scripts)
