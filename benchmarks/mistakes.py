"""Does the checker find mistakes, name them, and leave right gradients alone? `python -m benchmarks.mistakes [--quick]`.

Planted mistakes in a zoo of derivations, and right gradients (kinks, float32, badly scaled), judged by tinygen's
check_grad and, in the same run, by the checkers of PyTorch, JAX, autograd and SciPy at their defaults. Named right: the
first mistake of the report is of the planted kind (or says the same in other words) and names what was planted (the
term, the number). Misnamed: another mistake is named first. The derivations in HELD_OUT were not looked at while the
rules were written; their figures stand apart.
"""

import argparse
import re
import time
from collections import Counter, defaultdict

import numpy as np

from tinygen.check.gradient import check_grad

from .mistakes_zoo import HELD_OUT, ZOO
from .mistakes_zoo.peers import available
from .mistakes_zoo.planted import plants, rights, slips

SEED = 20240611


def judge(trial):
    """check_grad's report on one trial."""
    checked = trial.backward(*trial.args)
    gradients = [(lambda *a, n=n: trial.backward(*a)[n]) if n in checked else None for n in trial.subject.names]
    with np.errstate(all="ignore"):
        return check_grad(trial.subject.f, gradients, *trial.args, names=trial.subject.names)


def outcome(trial, report):
    """found (FAIL), right (named first), misnamed, unnamed."""
    found = report.verdict == "FAIL"
    if not found or not report.mistakes:
        return {"found": found, "unnamed": found, "undecided": report.verdict == "UNDECIDED"}
    first = report.mistakes[0]
    right = first.kind in trial.kinds and re.search(trial.says, first.sentence) is not None
    return {"found": True, "right": right, "misnamed": not right}


def progress(trials, what):
    """The trials with a progress bar."""
    from tqdm import tqdm

    return tqdm(trials, desc=what, leave=False, mininterval=1)


def run(quick, show):
    """Print the table; return the figures as a dict."""
    each, count, step = (2, 120, 4) if quick else (7, 1000, 1)
    wrong = [*slips(SEED), *plants(SEED, each)][::step]
    right = list(rights(SEED, count))
    peers, missing = available()
    kinds = {kind for trial in wrong for kind in trial.kinds}
    print(f"{len(wrong)} planted mistakes over {len(ZOO)} derivations, {len({_plant(t) for t in wrong})} ways of planting, "
          f"{len(kinds)} kinds of diagnosis; {len(right)} right gradients")  # fmt: skip
    tally, seconds = defaultdict(Counter), Counter()
    for trial in progress(wrong, "mistakes"):
        begin = time.process_time()
        report = judge(trial)
        seconds["tinygen"] += time.process_time() - begin
        result = outcome(trial, report)
        tally["held out" if trial.held_out else "open"].update({"n": 1, **{k: int(v) for k, v in result.items()}})
        if show and not trial.held_out and not result.get("right"):
            said = "; ".join(f"[{m.kind}] {m.sentence}" for m in report.mistakes[:2])
            print(f"  {report.verdict} {trial.label} ({', '.join(sorted(trial.kinds))}): {said or 'nothing explains it'}")
        _ask_peers(peers, trial, seconds, tally, "found")
    for trial in progress(right, "right gradients"):
        begin = time.process_time()
        report = judge(trial)
        seconds["tinygen"] += time.process_time() - begin
        tally["right"].update({"n": 1, report.verdict: 1, "float32 FAIL": int("float32" in trial.label and report.verdict == "FAIL"),
                               "float32": int("float32" in trial.label)})  # fmt: skip
        smooth64 = "float32" not in trial.label and "kink" not in trial.label
        tally["smooth float64"].update({"n": int(smooth64), "UNDECIDED": int(smooth64 and report.verdict == "UNDECIDED")})
        if report.verdict != "PASS" and show:
            print(f"  {report.verdict} on a right gradient, {trial.label}: {report.entries[0].where} {report.entries[0].note}")
        _ask_peers(peers, trial, seconds, tally, "float32 alarm" if "float32" in trial.label else "alarm")
    return _print(tally, seconds, peers, missing)


def _plant(trial):
    return re.sub(r" [-\d.e]+$", "", trial.label.split(": ", 1)[1])


def _ask_peers(peers, trial, seconds, tally, what):
    for name, accepts in peers.items():
        begin = time.process_time()
        tally[name].update({what: int(not accepts(trial)), f"{what} of": 1})
        seconds[name] += time.process_time() - begin


def _print(tally, seconds, peers, missing):
    total = tally["open"] + tally["held out"]
    percent = lambda part, whole: f"{100 * part / whole:6.1f} %" if whole else "     -  "
    print(f"\n{'':24}{'all':>10}{'open':>10}{'held out':>10}   aim")
    parts = (total, tally["open"], tally["held out"])
    for key, words, aim in (("found", "detected", "99 %"), ("right", "named right first", "85 %"), ("misnamed", "misnamed", "2 %"),
                            ("unnamed", "found, not named", ""), ("undecided", "undecided", "")):  # fmt: skip
        print(f"{words:24}" + "".join(f"{percent(part[key], part['n']):>10}" for part in parts) + f"   {aim}")
    print(f"{'mistakes':24}" + "".join(f"{part['n']:>10}" for part in parts))
    good, smooth = tally["right"], tally["smooth float64"]
    print(f"\nright gradients: {good['FAIL']} false alarms of {good['n']} (aim 0); {good['UNDECIDED']} UNDECIDED, of them "
          f"{smooth['UNDECIDED']} of {smooth['n']} smooth float64 ones (aim 1 %)")  # fmt: skip
    print(f"\n{'':24}{'detected':>12}{'false alarms: float64':>24}{'float32':>14}{'CPU seconds':>14}")
    ours = {"found": total["found"], "found of": total["n"], "alarm": good["FAIL"] - good["float32 FAIL"],
            "alarm of": good["n"] - good["float32"], "float32 alarm": good["float32 FAIL"], "float32 alarm of": good["float32"]}  # fmt: skip
    for name, one in {"tinygen": ours, **{name: tally[name] for name in peers}}.items():
        alarms = f"{one['alarm']} of {one['alarm of']}", f"{one['float32 alarm']} of {one['float32 alarm of']}"
        print(f"{name:24}{percent(one['found'], one['found of']):>12}{alarms[0]:>24}{alarms[1]:>14}{seconds[name]:14.1f}")
    for name in missing:
        print(f"{name:24}{'not installed':>12}")
    print(f"\nheld out: {', '.join(sorted(HELD_OUT))}")
    return {"found": total["found"] / total["n"], "right": total["right"] / total["n"], "misnamed": total["misnamed"] / total["n"],
            "alarms": good["FAIL"]}  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a quarter of the mistakes and 120 right gradients")
    parser.add_argument("--show", action="store_true", help="show what was missed or misnamed (never of the held-out derivations)")
    arguments = parser.parse_args()
    run(arguments.quick, arguments.show)
