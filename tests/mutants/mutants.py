#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Changes the library in hundreds of small ways and counts how many of the changes a room's tests find.

mutants.py ROOM [--most N] [--seed N] [--again] [--show FILE]

All mutants of a room are built into one program (schemata.py) in build/mutants/ROOM, and the room's tests run once for each, those
cases alone that reach the changed place. A mutant that no test finds needs a test, or a sentence in
equivalent.txt that says why it is no fault. Ends with 1 where fewer than --at-least are found, or one that equivalent.txt lists.
"""

import argparse
import json
import os
import pathlib
import random
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import schemata
from schemata import Header, Mutant

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOBODY = 65534  # a mutant that removes files must not be root


def say(text: str) -> None:
    print(text, flush=True)


def identity(m: Mutant) -> list:
    return [m.file, m.text, m.what, m.nth]


class Build:
    """The tests of a room in one file, since most of what the compiler does for one of them it does for all."""

    def __init__(self, room: str, configured: pathlib.Path):
        self.place = ROOT / "build" / "mutants" / room
        self.include, self.room, self.program = self.place / "include", room, self.place / f"chg_test_{room}"
        self.include.mkdir(parents=True, exist_ok=True)
        self.stillborn_file = self.place / "stillborn.json"
        self.stillborn = json.loads(self.stillborn_file.read_text()) if self.stillborn_file.exists() else []
        self.tests = sorted((ROOT / "tests" / room).glob("*_test.cpp"))
        commands = subprocess.run(["ninja", "-C", configured, "-t", "commands", f"tests/chg_test_{room}"], capture_output=True,
                                  text=True, check=False).stdout.splitlines()
        compiles = [shlex.split(line) for line in commands if f"{self.tests[0]}" in line]
        if not compiles:
            sys.exit(f"mutants: {configured} is not configured with the tests of {room}: cmake --preset release")
        words = compiles[0]
        self.launcher = words[:next(i for i, w in enumerate(words) if re.search(r"(\+\+|clang)[-\d.]*$", w))]
        self.compiler = words[len(self.launcher)]
        self.flags = [w for w in words if re.match(r"-[DI]|-std|-fopenmp", w)]
        self.flags += [f"-isystem{words[i + 1]}" for i, w in enumerate(words) if w == "-isystem"]
        self.libraries = [w for w in shlex.split(commands[-1]) if re.search(r"\.(a|so)[\d.]*$|^-l", w)]

    def headers(self) -> list[str]:
        return [str(path.relative_to(ROOT / "include")) for path in sorted((ROOT / "include" / "chg" / self.room).glob("*.hpp"))]

    def find(self) -> list[Header]:
        return schemata.find(ROOT, self.headers(), self.flags)

    def all_tests(self) -> str:
        """Every test file in a namespace of its own, after all that they include."""
        choice = r"^#if.*\n(?:#(?:include|el).*\n)+#endif"  # among headers
        includes = dict.fromkeys(found for test in self.tests for found in re.findall(choice + "|^#include.*", test.read_text(), re.M))
        spaces = [f"namespace tests_{i} {{\n#include \"{test}\"\n}}" for i, test in enumerate(self.tests)]
        return "\n".join([*includes, *spaces, ""])

    def compile(self, source: pathlib.Path, optimised: str) -> subprocess.CompletedProcess:
        return subprocess.run([*self.launcher, self.compiler, f"-I{self.include}", *self.flags, optimised, "-w",
                               "-DCHG_TEST_MODELS_HERE", "-fdiagnostics-column-unit=byte", "-fno-diagnostics-show-caret",
                               "-c", source, "-o", source.with_suffix(".o")],
                              capture_output=True, text=True, env=dict(os.environ, CCACHE_DISABLE="1"), check=False)

    def make(self, headers: list[Header], mutants: list[Mutant]) -> list[Mutant]:
        """Builds the tests with these mutants but those that do not compile, which are left out one error after the other."""
        (self.include / "chg_mutants.hpp").write_text(schemata.SUPPORT)
        all_tests, main_file = self.place / "all_tests.cpp", self.place / "main.cpp"
        all_tests.write_text(self.all_tests())
        main_file.write_text('#include "support/main.cpp"\n')
        for _ in range(20):
            alive = [m for m in mutants if identity(m) not in self.stillborn]
            for header in headers:
                header.write(self.include, [m for m in alive if m.file == header.name])
            say(f"building {len(alive)} mutants of {self.room}")
            built = self.compile(all_tests, "-O1")
            if built.returncode == 0:
                self.compile(main_file, "-O0")
                subprocess.run([self.compiler, all_tests.with_suffix(".o"), main_file.with_suffix(".o"), "-o", self.program,
                                "-fopenmp", *self.libraries], check=True)
                return alive
            (self.place / "build.log").write_text(built.stderr)
            wrong = self.to_blame(built.stderr, headers)
            if not wrong:
                sys.exit(f"mutants: the tests do not build, and no mutant is to blame: {self.place / 'build.log'}")
            self.stillborn += [identity(m) for m in mutants if m.id in wrong]
            self.stillborn_file.write_text(json.dumps(self.stillborn, indent=0))
        sys.exit("mutants: too many attempts to build")

    def to_blame(self, log: str, headers: list[Header]) -> set[int]:
        """The mutants at the places of errors; of an error outside, those at the places that its notes name."""
        by_path = {str(self.include / h.name): (h, (self.include / h.name).read_bytes()) for h in headers}
        blamed: set[int] = set()
        open_error = False
        for line in log.splitlines():
            found = re.match(r"(/[^:]+):(\d+):(\d+):\s+(.*)", line)
            if not found:
                continue
            ids = set()
            if found[1] in by_path:
                header, written = by_path[found[1]]
                ids = set(header.mutants_at(written, int(found[2]), int(found[3])))
            if "error:" in found[4]:
                blamed |= ids
                open_error = not ids
            elif ids and open_error:
                blamed |= ids
                open_error = False
        return blamed


class Runner:
    def __init__(self, program: pathlib.Path):
        self.program = program
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="chg_mutants_"))
        self.place.chmod(0o777)

    def run(self, arguments: list[str], limit: float, mutant: int = 0, reached: pathlib.Path | None = None) -> tuple[int | None, str]:
        """Exit status and stdout; status None: it took too long."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.place))
        folder.chmod(0o777)
        environment = dict(os.environ, CHG_MUTANT=str(mutant), TMPDIR=str(folder), HOME=str(folder), OMP_WAIT_POLICY="passive")
        if reached:
            environment["CHG_MUTANTS_REACHED"] = str(reached)
        identity_of = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}

        def limits() -> None:
            resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        child = subprocess.Popen([self.program, *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, preexec_fn=limits,
                                 errors="replace", **identity_of)
        try:
            out, _ = child.communicate(timeout=limit)
            return child.returncode, out
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            return None, ""
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def cases(self) -> list[str]:
        _, out = self.run(["--list-test-names-only"], 60)
        return [line.strip() for line in out.splitlines() if line.strip()]


def word(case: str) -> str:
    """A test's name as Catch2 takes it on the command line."""
    return re.sub(r"([,\[\]\\*\"])", r"\\\1", case)


def reach_of(runner: Runner, cases: list[str]) -> dict[str, tuple[float, set[int]]]:
    found = {}
    for case in cases:
        report = runner.place / "reached"
        report.unlink(missing_ok=True)
        began = time.monotonic()
        status, out = runner.run([word(case)], 600, reached=report)
        if status != 0 or not report.exists():
            sys.exit(f"mutants: without a mutant the case \"{case}\" fails: {out[-400:]}")
        found[case] = (time.monotonic() - began, {int(n) for n in report.read_text().split()})
    return found


def try_mutant(runner: Runner, mutant: Mutant, reach: dict[str, tuple[float, set[int]]]) -> str:
    """How it was found: "" when it was not. The quickest cases run first."""
    cases = sorted((seconds, case) for case, (seconds, reached) in reach.items() if mutant.id in reached)
    while cases:
        some, total = [], 0.0
        while cases and (not some or total + cases[0][0] < max(0.3, cases[0][0] * 4)) and len(some) < 100:
            total += cases[0][0]
            some.append(cases.pop(0)[1])
        status, _ = runner.run([",".join(map(word, some)), "--abort"], 5 + 5 * total, mutant.id)
        if status != 0:
            return "time" if status is None else "crash" if status < 0 else "test"
    return ""


def read_equivalent(path: pathlib.Path) -> list[list]:
    """Lines "file | line of code | change | nth | why"; nth of equal changes in the line."""
    rows = []
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            file, *rest = line.split(" | ", 1)
            row = [part.strip() for part in [file, *"".join(rest).rsplit(" | ", 3)]]  # code may hold the sign itself
            if len(row) != 5:
                sys.exit(f"{path}: five parts are due: {line}")
            rows.append([row[0], row[1], row[2], int(row[3]), row[4]])
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("room", help="a folder of include/chg that has tests")
    parser.add_argument("--most", type=int, default=1 << 30, help="mutants that are tried, drawn by --seed (all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="those alone that were not found the last time")
    parser.add_argument("--header", help="of this header alone, like gates.hpp")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release", help="a configured build folder")
    parser.add_argument("--at-least", type=float, default=0.9, help="the share that is to be found (0.9)")
    options = parser.parse_args()
    build = Build(options.room, options.build)
    headers = build.find()
    mutants = every = [m for h in headers for m in h.mutants]
    if len(mutants) > options.most:
        mutants = sorted(random.Random(options.seed).sample(mutants, options.most), key=lambda m: (m.file, m.start, m.end))
    for i, m in enumerate(mutants):
        m.id = i + 1
    alive = build.make(headers, mutants)
    runner = Runner(build.program)
    reach = reach_of(runner, runner.cases())
    say(f"{len(mutants)} mutants, {len(mutants) - len(alive)} do not compile; {len(reach)} cases of tests, "
        f"{sum(seconds for seconds, _ in reach.values()):.0f} s")
    survivors_file = build.place / "survivors.json"
    last = json.loads(survivors_file.read_text()) if options.again else None
    equivalent = read_equivalent(pathlib.Path(__file__).with_name("equivalent.txt"))
    found: dict[str, int] = {}
    survivors, began, tried = [], time.monotonic(), 0
    for m in alive:
        if (options.header and not m.file.endswith("/" + options.header)) or (last is not None and identity(m) not in last):
            continue
        tried += 1
        how = try_mutant(runner, m, reach)
        found[how] = found.get(how, 0) + 1
        if not how:
            survivors.append(m)
            reached = any(m.id in reached for _, reached in reach.values())
            excused = any(row[:4] == identity(m) for row in equivalent)
            say(f"{'excused' if excused else 'NOT FOUND' if reached else 'NOT REACHED'}: {m.file}:{m.line}: {m.what}"
                f"{f' ({m.nth})' if m.nth > 1 else ''} | {m.text}")
        if tried % 100 == 0:
            say(f"... {tried} tried, {len(survivors)} not found, {time.monotonic() - began:.0f} s")
    survivors_file.write_text(json.dumps([identity(m) for m in survivors], indent=0))
    shutil.rmtree(runner.place, ignore_errors=True)
    excused = sum(any(row[:4] == identity(m) for row in equivalent) for m in survivors)
    there = [identity(m) for m in every if identity(m) not in build.stillborn]
    stale = [row for row in equivalent if row[0].startswith(f"chg/{options.room}/") and row[:4] not in there]
    for row in stale:
        say(f"equivalent.txt names what is not there: {' | '.join(map(str, row[:4]))}")
    killed = tried - len(survivors)
    say(f"| room | mutants | do not compile | tried | found by a test | by a crash | by the time limit | excused | not found | share |\n"
        f"|---|---|---|---|---|---|---|---|---|---|\n"
        f"| {options.room} | {len(mutants)} | {len(mutants) - len(alive)} | {tried} | {found.get('test', 0)} | {found.get('crash', 0)} | "
        f"{found.get('time', 0)} | {excused} | {len(survivors) - excused} | {killed / max(1, tried - excused):.1%} |")
    return 0 if killed >= options.at_least * (tried - excused) and not stale else 1


if __name__ == "__main__":
    sys.exit(main())
