# SPDX-License-Identifier: MIT
"""What is asked of a run under a fault, and of the run after it. Every function returns what is wrong, or nothing."""

import re
import signal

from scenarios import Snapshot, below, results_differ, status_of

UNFINISHED = ("running", "interrupted")


def apart(scenario, ended, fault, stack) -> str:
    """Ends that the program cannot help: libgomp's own exit, and std::terminate where a library allocates and may not throw."""
    own_threads = fault.call == "thread" and "--threads 1" not in scenario.command
    if (fault.call == "malloc" or own_threads) and re.search(r"^libgomp: ", ended.err, re.M):
        return "libgomp ends the program"
    if fault.call == "malloc" and ended.status == -signal.SIGABRT and "abort" in stack:
        ended_from = list(stack[list(stack).index("abort") + 1:])
        thrown_by = next((frame for frame in ended_from if re.search("nlohmann|CLI::|chg::", frame)), "")
        if "nlohmann" in thrown_by:
            return "a destructor of nlohmann::json allocates"
        if "CLI::" in thrown_by:
            return "CLI11 allocates in a function that may not throw"
    return ""


def words(scenario, ended, fault) -> str:
    """The exit status and stderr."""
    if ended.status is None:
        return "it hangs"
    if fault.how.startswith("kill"):
        return "" if ended.status == -signal.SIGKILL else f"status {ended.status} in place of SIGKILL"
    if ended.status < 0:
        return f"ended by {signal.Signals(-ended.status).name}"
    if fault.must_succeed and ended.status != scenario.status:
        return f"status {ended.status} though it could go on"
    may_be = {"term": 130}.get(fault.how, scenario.status if fault.call == "stderr" else 1)
    if ended.status not in (scenario.status, may_be):
        return f"status {ended.status}"
    if fault.call == "stderr" or ended.status == 130 or (ended.status == 0 and scenario.speaks):
        return ""
    lines = [line for line in ended.err.split("\n") if line and not line.startswith("chg: notice: ")]
    expected = 1 if ended.status == 1 else 0
    if len(lines) != expected or not all(line.startswith("chg: error: ") for line in lines):
        return f"{len(lines)} lines on stderr at status {ended.status}"
    if fault.call == "malloc" and scenario.status == 0 and not all(re.search("memory", line, re.I) for line in lines):
        return "another reason than memory"
    return ""


def beside(trials, after: Snapshot, may_leave: bool) -> str:
    """What is not the result: nothing is gone or changed, and nothing is added."""
    out = trials.scenario.out
    is_beside = lambda name: name != out and not name.startswith(out + "/")
    for name, data in trials.before.items():
        if is_beside(name) and (name not in after or after[name] != data):
            return f"{name} is {'changed' if name in after else 'gone'}"
    added = sorted(name for name in after if is_beside(name) and name not in trials.before)
    return f"{', '.join(added[:3])} left over" if added and not may_leave else ""


def older_stands(trials, after: Snapshot, anywhere: bool = False) -> bool:
    """Whether the finished RUN that was there before is whole, under its name or, anywhere, under another one."""
    out = trials.scenario.out
    older = {name: data for name, data in below(trials.before, out).items() if data is not None}
    if status_of(older) != "finished":
        return False
    folders = {name for name, data in after.items() if data is None and "/" not in name} if anywhere else {out}
    return any(older.items() <= below(after, folder).items() for folder in folders)


def being_put_in_place(run: Snapshot, new: Snapshot) -> bool:
    """Whether all new results are there, on their way from state/done into the RUN, where --resume moves the rest."""
    moved = {name.removeprefix("state/done/"): data for name, data in run.items() if name.startswith("state/done/")}
    return bool(moved) and not results_differ({name: run.get(name) for name in new} | moved, new)


def run_after_failure(trials, after: Snapshot, fault) -> str:
    out = trials.scenario.out
    run = below(after, out)
    status, before = status_of(run), status_of(below(trials.before, out))
    if status == "finished" and not results_differ(run, below(trials.after, out)):
        return ""
    if before == "finished":
        if being_put_in_place(run, below(trials.after, out)):
            return ""
        if older_stands(trials, after) or (fault.ends and older_stands(trials, after, anywhere=True)):
            return ""
        return f"the older RUN is gone; what stands is {status}"
    # What was killed, or found another's lock, before its first run.json has nothing to lose, and the next try takes the folder.
    begun = before == "none" and (status == "none" or (status == "broken" and (fault.ends or fault.call == "lock")))
    if status not in UNFINISHED and not begun:
        return f"the RUN is {status}"
    # state/ is the program's own to go on from, but for files that were being written.
    added = sorted(name for name in run.keys() - trials.names if not name.startswith("state/") or ".chg-" in name)
    return f"{out}/{added[0]} left over" if added and not (fault.ends or fault.call == "unlink") else ""


def first_run(trials, ended, after: Snapshot, fault) -> str:
    scenario = trials.scenario
    wrong = words(scenario, ended, fault) or beside(trials, after, fault.ends or fault.call == "unlink")
    if wrong:
        return wrong
    if ended.status == 0:
        if scenario.status == 0 and fault.call != "stdout" and ended.out != trials.out:
            return "stdout is another"
        return state_left(trials, after, fault) or results_wrong(trials, after)
    if scenario.is_run:
        return run_after_failure(trials, after, fault)
    stands = after.get(scenario.out)
    whole = stands in (trials.before.get(scenario.out), trials.after.get(scenario.out))
    return "" if whole else f"{scenario.out} is neither the older one nor the new one"


def state_left(trials, after: Snapshot, fault) -> str:
    """A run that ended well leaves nothing of its state, unless that could not be looked at or removed."""
    out = f"{trials.scenario.out}/"
    left = sorted(name for name in after.keys() - trials.after.keys() if name.startswith(f"{out}state"))
    return f"{left[0]} left over" if left and fault.call not in ("unlink", "stat", "list") and not fault.ends else ""


def results_wrong(trials, after: Snapshot) -> str:
    out = trials.scenario.out
    if trials.scenario.is_run:
        return results_differ(below(after, out), below(trials.after, out))
    return "" if after.get(out) == trials.after.get(out) else f"{out} has other bytes"


def second_run(trials, ended, after: Snapshot, fault) -> str:
    if ended.status != trials.scenario.status:
        return f"status {ended.status}: {ended.err.strip()[-200:]!r}"
    return beside(trials, after, fault.ends or fault.call == "unlink") or results_wrong(trials, after)
