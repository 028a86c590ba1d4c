#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the program chg under one fault at a time and judges what it says, what stands afterwards, and a second try without fault.

faults.py --chg build/release/examples/chg --shim build/release/tests/faults/libchg_fault_shim.so

For n = 1, 2, ... the n-th call of a kind fails, once or for ever after, or ends the program, until a run passes untouched. Where a
kind has more calls than are tried, n is spread evenly over them. README.md of this folder says what is asked of each trial.
Ends with 1 if a trial fails, and with 77 where there is no shim.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import sys
import tempfile
import time

from scenarios import SCENARIOS, Scenario
from trial import CALLS, Fault, Program, Trials, Verdict

ONCE, EVER = (False,), (False, True)
# How calls fail, once or for ever too, and whether the program must go on to right results all the same.
ERRORS = {
    "malloc": [("ENOMEM", EVER, False)],
    "open": [("EMFILE", EVER, False), ("EACCES", EVER, False), ("ENOSPC", ONCE, False)],
    "read": [("EIO", EVER, False), ("EINTR", ONCE, True), ("short", EVER, True)],
    "write": [("ENOSPC", EVER, False), ("EIO", EVER, False), ("EINTR", ONCE, True), ("short", EVER, True)],
    "stdout": [("ENOSPC", EVER, False), ("EPIPE", ONCE, False)],
    "stderr": [("EIO", EVER, False), ("ENOSPC", ONCE, False)],
    "fsync": [("EIO", EVER, False), ("ENOSPC", ONCE, False), ("ENOSYS", EVER, True), ("EINVAL", EVER, True),
              ("EINTR", ONCE, True)],
    "rename": [("EIO", EVER, False), ("EACCES", EVER, False), ("ENOSPC", ONCE, False)],
    "link": [("EPERM", EVER, False), ("EIO", ONCE, False)],
    "mkdir": [("EACCES", EVER, False), ("ENOSPC", EVER, False)],
    "unlink": [("EACCES", EVER, False), ("EIO", ONCE, False)],
    "mmap": [("ENOMEM", EVER, False), ("ENODEV", EVER, False)],
    "lock": [("EINTR", ONCE, True), ("ENOLCK", EVER, False), ("EACCES", EVER, False)],
    "close": [("EIO", EVER, False), ("EINTR", ONCE, True)],
    "stat": [("EIO", EVER, False), ("EACCES", EVER, False)],
    "truncate": [("EIO", EVER, False)],
    "list": [("EMFILE", EVER, False), ("EIO", EVER, False)],
    "chmod": [("EPERM", EVER, False)],
    "random": [("ENOSYS", EVER, False)],
    "thread": [("EAGAIN", EVER, False)],
}
ENDED_AT = "open write fsync rename link mkdir unlink lock close truncate chmod".split()
SHORT = {"malloc": 10, "other": 3}  # calls of a series that the short form tries


def spread(count: int, most: int) -> list[int]:
    """At most that many of 1 ... count, evenly, the first and the last among them."""
    if count <= most:
        return list(range(1, count + 1))
    return [count] if most == 1 else sorted({1 + round(i * (count - 1) / (most - 1)) for i in range(most)})


def faults_of(scenario: Scenario, counts: dict[str, int], options: argparse.Namespace) -> list[Fault]:
    faults: list[Fault] = []
    for call in scenario.calls or CALLS:
        if options.call and call != options.call:
            continue
        series = [(how, ever, must) for how, evers, must in ERRORS[call] for ever in evers]
        if call in ENDED_AT and not scenario.calls:
            series += [(how, False, False) for how in ("kill-before", "kill-after", "term")]
        most = options.most_mallocs if call == "malloc" else options.most
        for how, ever, must in series:
            if not options.how or how == options.how:
                ns = [options.n] if options.n else spread(counts[call], most)
                faults += [Fault(call, n, how, ever, must) for n in ns]
    return faults


def table(verdicts: list[Verdict]) -> str:
    rows = ["| command | regime | tried | survived | failed | apart |", "|---|---|---|---|---|---|"]
    keys = list(dict.fromkeys((v.scenario.name, v.fault.regime) for v in verdicts))
    for key in [*keys, ("all", "")]:
        of = [v for v in verdicts if key in (("all", ""), (v.scenario.name, v.fault.regime))]
        failed, apart = (sum(bool(v.failed) and bool(v.apart) == is_apart for v in of) for is_apart in (False, True))
        rows.append(f"| {key[0]} | {key[1]} | {len(of)} | {len(of) - failed - apart} | {failed} | {apart} |")
    return "\n".join(rows)


def say_failures(verdicts: list[Verdict], program: Program) -> None:
    """The first trial of each kind of failure, and how many there are."""
    kinds = collections.defaultdict(list)
    for v in verdicts:
        if v.failed:
            kinds[v.scenario.name, v.fault.regime, v.fault.call, v.apart or v.failed].append(v)
    for (name, _, _, reason), of in kinds.items():
        first = of[0]
        print(f"\n{'apart' if first.apart else 'FAILED'}: {name}, {first.fault}: {reason}")
        if first.said:
            print(f"  it said {first.said!r}")
        print(f"  {len(of)} trials, n = {', '.join(str(v.fault.n) for v in of[:12])}{' ...' if len(of) > 12 else ''}")
        print(f"  from {' < '.join(first.stack[:10])}")
        print(f"  faults.py --chg {program.chg} --shim {program.shim} --scenario '{name}' --call {first.fault.call}"
              f" --how {first.fault.how} --n {first.fault.n}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chg", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--shim", type=pathlib.Path, required=True, help="the library of shim.cpp")
    parser.add_argument("--short", action="store_true", help=f"of a series {SHORT['other']} calls, of malloc {SHORT['malloc']}")
    parser.add_argument("--most", type=int, default=1 << 30, help="calls of a series that are tried (all)")
    parser.add_argument("--most-mallocs", type=int, default=400, help="of malloc (400)")
    parser.add_argument("--scenario", help=", ".join(s.name for s in SCENARIOS))
    parser.add_argument("--call", choices=CALLS)
    parser.add_argument("--how", help="a name of errno, short, kill-before, kill-after or term")
    parser.add_argument("--n", type=int, help="that n alone")
    parser.add_argument("--early", action="store_true", help="count calls before main() too, which are not the program's")
    parser.add_argument("--jobs", type=int, default=1)
    in_memory = pathlib.Path("/dev/shm")  # where syncing costs nothing
    parser.add_argument("--dir", type=pathlib.Path, default=in_memory if os.access(in_memory, os.W_OK) else None,
                        help="where the trials run (/dev/shm, or a temporary folder)")
    options = parser.parse_args()
    options.shim = options.shim.resolve()  # each trial runs in a folder of its own
    if not options.shim.exists():
        print(f"faults: no {options.shim}, which is built on Linux with glibc")
        return 77
    if options.short:
        options.most, options.most_mallocs = SHORT["other"], SHORT["malloc"]
    began, program, verdicts = time.monotonic(), Program(options.chg, options.shim, options.early), []
    with tempfile.TemporaryDirectory(prefix="chg_faults_", dir=options.dir) as place:
        for i, scenario in enumerate(SCENARIOS):
            if options.scenario and scenario.name != options.scenario:
                continue
            trials = Trials(program, scenario, pathlib.Path(place, str(i)))
            faults = faults_of(scenario, trials.counts, options)
            with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
                found = [v for v in pool.map(trials.trial, range(len(faults)), faults) if v.struck]
            say_failures(found, program)
            print(f"{scenario.name}: {len(found)} trials at {time.monotonic() - began:.0f} s", flush=True)
            verdicts += found
    print("\n" + table(verdicts))
    failed = any(v.failed and not v.apart for v in verdicts)
    return 1 if failed or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
