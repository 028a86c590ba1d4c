# SPDX-License-Identifier: MIT
"""One fault, one run of the program under it, and a second run without it."""

import bisect
import dataclasses
import errno
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys

import judge
from scenarios import Scenario, below, snapshot, status_of

CALLS = ("malloc open read write stdout stderr fsync rename link mkdir unlink mmap lock close stat truncate list chmod random "
         "thread").split()  # kKinds of shim.cpp
TIME_LIMIT = 60
INTERRUPTED = "interrupted:"  # before a command that is to be ended by SIGTERM on its way


@dataclasses.dataclass(frozen=True)
class Fault:
    call: str
    n: int
    how: str  # a name of errno, short, kill-before, kill-after or term
    ever: bool = False
    must_succeed: bool = False

    def settings(self) -> dict[str, str]:
        how = str(getattr(errno, self.how)) if self.how.startswith("E") else self.how
        chosen = {"CHG_FAULT_CALL": self.call, "CHG_FAULT_N": str(self.n), "CHG_FAULT_HOW": how}
        return chosen | ({"CHG_FAULT_EVER": "1"} if self.ever else {})

    @property
    def ends(self) -> bool:
        return self.how.startswith("kill") or self.how == "term"

    @property
    def regime(self) -> str:
        if self.ends:
            return "SIGTERM" if self.how == "term" else "SIGKILL"
        return ("malloc" if self.call == "malloc" else "calls") + (" for ever" if self.ever else " once")

    def __str__(self) -> str:
        return f"{self.call} {self.n} {self.how}{' for ever' if self.ever else ''}"


@dataclasses.dataclass
class Ended:
    status: int | None  # minus a signal; None: it had to be ended
    out: str
    err: str


@dataclasses.dataclass
class Verdict:
    scenario: Scenario
    fault: Fault
    struck: int  # calls that the fault struck; 0: the run passed
    failed: str = ""  # why; empty: survived
    apart: str = ""  # whose it is when it is not the program's
    said: str = ""  # on stderr
    stack: tuple[str, ...] = ()  # where the first struck call came from, the innermost function first


class Program:
    """The program, by itself or under the shim."""

    def __init__(self, chg: pathlib.Path, shim: pathlib.Path, early: bool = False):
        self.chg, self.shim, self.early = chg.resolve(), shim.resolve(), early
        self.symbols: list[tuple[int, str]] = []

    def run(self, command: str, directory: pathlib.Path, fault: Fault | None = None, report: pathlib.Path | None = None) -> Ended:
        environment = dict(os.environ, LC_ALL="C", NO_COLOR="1", OMP_WAIT_POLICY="passive")
        if fault or report:
            environment |= {"LD_PRELOAD": str(self.shim)} | (fault.settings() if fault else {})
        if report:
            report.touch()
            environment |= {"CHG_FAULT_REPORT": str(report), "CHG_FAULT_TRACE": f"{report}.trace"}
        if self.early:
            environment["CHG_FAULT_EARLY"] = "1"
        try:
            done = subprocess.run([self.chg, *command.split()[1:]], cwd=directory, env=environment, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=TIME_LIMIT, check=False)
        except subprocess.TimeoutExpired:
            return Ended(None, "", "")
        return Ended(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def counts(self, report: pathlib.Path) -> dict[str, int]:
        names, data = [*CALLS, "struck"], report.read_bytes()
        if data and len(data) != 8 * len(names):
            sys.exit(f"faults: {self.shim} counts {len(data) // 8 - 1} kinds of calls, not {len(CALLS)}")
        return dict(zip(names, struct.unpack(f"{len(names)}Q", data or bytes(8 * len(names)))))

    def stack(self, report: pathlib.Path) -> tuple[str, ...]:
        trace = pathlib.Path(f"{report}.trace")
        frames = []
        for line in trace.read_text().splitlines() if trace.exists() else []:
            if line == "abort":
                frames.append(line)
            found = re.match(r"(.*)\((.*?)(?:\+(0x[0-9a-f]+))?\)", line)
            if not found or pathlib.Path(found[1]) == self.shim:
                continue
            frames.append(found[2] or self.function_at(int(found[3] or "0", 16), found[1]))
        return tuple(frames)

    def function_at(self, offset: int, file: str) -> str:
        if pathlib.Path(file) != self.chg:
            return pathlib.Path(file).name
        if not self.symbols:
            listed = subprocess.run(["nm", "-C", "--defined-only", self.chg], capture_output=True, text=True, check=False).stdout
            rows = (line.split(" ", 2) for line in listed.splitlines())
            self.symbols = sorted((int(row[0], 16), row[2]) for row in rows if len(row) == 3 and row[1] in "tTwW") or [(0, "?")]
        name = self.symbols[max(0, bisect.bisect_left(self.symbols, (offset, "")) - 1)][1]
        return re.sub(r"\(.*|<.*", "", name) or name


class Trials:
    """A scenario in a folder of its own: what stands before it, what an untouched run makes of it, and its trials."""

    def __init__(self, program: Program, scenario: Scenario, place: pathlib.Path):
        self.program, self.scenario, self.place = program, scenario, place
        self.template = place / "template"
        self.template.mkdir(parents=True)
        scenario.prepare(self.template)
        for line in scenario.makes:
            self.make(line, self.template)
        self.before = snapshot(self.template)
        untouched = self.fresh("untouched")
        ended = program.run(scenario.command, untouched, report=place / "counts")
        if ended.status != scenario.status or (ended.err and not scenario.speaks):
            sys.exit(f"faults: {scenario.name}, without a fault: status {ended.status} {ended.err}")
        self.counts = program.counts(place / "counts")
        self.after, self.out = snapshot(untouched), ended.out
        self.names = set(below(self.after, scenario.out)) | set(below(self.before, scenario.out))  # that a RUN may hold
        if scenario.is_run:
            interrupted = self.fresh("interrupted")
            shutil.rmtree(interrupted / scenario.out, ignore_errors=True)
            self.make(f"{INTERRUPTED} {scenario.command.replace(' --force', '').replace(' --resume', '')}", interrupted)
            self.names |= set(below(snapshot(interrupted), scenario.out))

    def fresh(self, name: str) -> pathlib.Path:
        return pathlib.Path(shutil.copytree(self.template, self.place / name, symlinks=True))

    def make(self, line: str, directory: pathlib.Path) -> None:
        command = line.removeprefix(INTERRUPTED).strip()
        if command == line:
            ended = self.program.run(command, directory)
            if ended.status != 0:
                sys.exit(f"faults: {command}: status {ended.status} {ended.err}")
            return
        whole = self.fresh("whole")
        shutil.rmtree(whole / self.scenario.out, ignore_errors=True)
        self.program.run(command, whole, report=self.place / "whole.counts")
        writes = self.program.counts(self.place / "whole.counts")["write"]
        shutil.rmtree(whole)
        for n in sorted(range(1, writes + 1), key=lambda n: abs(n - writes // 4)):  # checkpoints come before results
            ended = self.program.run(command, directory, Fault("write", n, "term"))
            if ended.status == 130 and status_of(below(snapshot(directory), self.scenario.out)) == "interrupted":
                return
            shutil.rmtree(directory / self.scenario.out, ignore_errors=True)
        sys.exit(f"faults: {command}: is not interrupted by SIGTERM")

    def trial(self, number: int, fault: Fault) -> Verdict:
        report = self.place / f"report{number}"
        directory = self.fresh(f"trial{number}")
        ended = self.program.run(self.scenario.command, directory, fault, report)
        verdict = Verdict(self.scenario, fault, self.program.counts(report)["struck"])
        if verdict.struck:
            verdict.failed = judge.first_run(self, ended, snapshot(directory), fault) or self.second_run(directory, fault)
        if verdict.failed:
            verdict.stack = self.program.stack(report)
            verdict.apart = judge.apart(self.scenario, ended, fault, verdict.stack)
            verdict.said = ended.err.strip()[-300:]
        shutil.rmtree(directory, ignore_errors=True)
        for file in (report, pathlib.Path(f"{report}.trace")):
            file.unlink(missing_ok=True)
        return verdict

    def second_run(self, directory: pathlib.Path, fault: Fault) -> str:
        """The same command, or with --resume where the first one left a RUN to go on with."""
        command = self.scenario.command
        if self.scenario.is_run and not judge.older_stands(self, snapshot(directory)):
            command = command.replace(" --force", "").replace(" --resume", "") + " --resume"
        ended = self.program.run(command, directory)
        wrong = judge.second_run(self, ended, snapshot(directory), fault)
        return f"the second try, {command.split(' --', 1)[0]} ...: {wrong}" if wrong else ""
