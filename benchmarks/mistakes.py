"""Does the checker find mistakes, name them, and leave right gradients alone? `python -m benchmarks.mistakes [--quick]`

Planted mistakes in a zoo of derivations, and right gradients (kinks, float32, badly scaled), judged by tinygen's
check_grad and, in the same run, by the checkers of PyTorch, JAX, autograd and SciPy at their defaults. Named right: the
first mistake of the report is of the planted kind (or says the same in other words) and names what was planted (the
term, the number). Misnamed: another mistake is named first. The derivations in HELD_OUT were not looked at while the
rules were written; their figures stand apart. So do the mistakes that people made in public, judged by their first
sentence alone, and those of the same kinds that were invented before the rules were ("unseen").
"""

import argparse
import re
import time
from collections import Counter, defaultdict

import numpy as np

from tinygen.check.gradient import check_grad

from .mistakes_zoo import HELD_OUT, PUBLIC, ZOO
from .mistakes_zoo.peers import available
from .mistakes_zoo.planted import Trial, plants, rights, slips

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
    right = not trial.kinds or first.kind in trial.kinds
    right = right and re.search(trial.says, first.sentence) is not None
    right = right and not (trial.never and re.search(trial.never, first.sentence))
    return {"found": True, "right": right, "misnamed": not right}


def progress(trials, what):
    """The trials with a progress bar."""
    from tqdm import tqdm

    return tqdm(trials, desc=what, leave=False, mininterval=1)


def run_public(show):
    """Judge the public mistakes, and those of the same kinds that were invented; print their tables."""
    for family in ("public", "unseen"):
        zoo = [subject for subject in PUBLIC if subject.family == family]
        tally, alarms = Counter(), Counter()
        for trial in progress(list(slips(SEED, zoo)), family):
            report = judge(trial)
            result = outcome(trial, report)
            tally.update({"n": 1, **{k: int(v) for k, v in result.items()}})
            if show and (family == "public" or show > 1):
                mark = next((k for k in ("right", "misnamed", "unnamed", "undecided") if result.get(k)), "missed")
                print(f"{mark:9} {trial.label}: {report.mistakes[0].sentence if report.mistakes else '-'}")
        for subject in zoo:
            args = subject.example(np.random.default_rng(SEED))
            alarms[judge(Trial(subject.name, subject, args, subject.backward)).verdict] += 1
        named = ", ".join(
            f"{words} {_percent(tally[key], tally['n'])}"
            for key, words in (("found", "detected"), ("right", "named right first"), ("misnamed", "named falsely"),
                               ("unnamed", "not named"))
        )  # fmt: skip
        print(f"{family}: {tally['n']} mistakes, {named}; right gradients: {dict(alarms)}")


def run(quick, show, peers=True):
    """Judge all trials of the home field and print the table."""
    each, count, step = (2, 120, 4) if quick else (7, 1000, 1)
    wrong = [*slips(SEED), *plants(SEED, each)][::step]
    right = list(rights(SEED, count))
    ways, kinds = {_way(trial) for trial in wrong}, {kind for trial in wrong for kind in trial.kinds}
    print(
        f"{len(wrong)} planted mistakes over {len(ZOO)} derivations, {len(ways)} ways of planting, {len(kinds)} kinds"
    )
    print(f"{len(right)} right gradients")
    peers, missing = available() if peers else ({}, [])
    tally, seconds = defaultdict(Counter), Counter()
    trials = [*((trial, True) for trial in wrong), *((trial, False) for trial in right)]
    order = np.random.default_rng(SEED).permutation(len(trials))  # so that a part of them stands for all
    try:
        for trial, planted in progress([trials[i] for i in order], "trials"):
            (_judge_planted if planted else _judge_right)(trial, tally, seconds, peers, show)
    except KeyboardInterrupt:
        print("stopped: these are the figures of a random part of the trials")
    _print(tally, seconds, peers, missing)


def _judge_planted(trial, tally, seconds, peers, show):
    report = _timed(judge, trial, seconds, "tinygen")
    result = outcome(trial, report)
    tally["held out" if trial.held_out else "open"].update({"n": 1, **{k: int(v) for k, v in result.items()}})
    if show and not trial.held_out and not result.get("right"):
        said = "; ".join(f"[{m.kind}] {m.sentence}" for m in report.mistakes[:2]) or "nothing explains it"
        print(f"  {report.verdict} {trial.label} ({', '.join(sorted(trial.kinds))}): {said}")
    for name, accepts in peers.items():
        tally[name].update({"found": int(not _timed(accepts, trial, seconds, name)), "n": 1})


def _judge_right(trial, tally, seconds, peers, show):
    report = _timed(judge, trial, seconds, "tinygen")
    kind = "float32" if "float32" in trial.label else "kink" if "kink" in trial.label else "smooth"
    tally["right", kind].update({"n": 1, report.verdict: 1})
    if show and report.verdict != "PASS":
        print(f"  {report.verdict} on a right gradient, {trial.label}: {report}")
    for name, accepts in peers.items():
        tally[name, kind].update({"FAIL": int(not _timed(accepts, trial, seconds, name)), "n": 1})


def _way(trial):
    return re.sub(r" [-\d.e]+$", "", trial.label.split(": ", 1)[1])


def _timed(judged_by, trial, seconds, name):
    begin = time.process_time()
    result = judged_by(trial)
    seconds[name] += time.process_time() - begin
    return result


def _print(tally, seconds, peers, missing):
    total = tally["open"] + tally["held out"]
    parts = (total, tally["open"], tally["held out"])
    print(f"\n{'':24}{'all':>10}{'open':>10}{'held out':>10}   aim")
    rows = {
        "found": ("detected", "99 %"),
        "right": ("named right first", "85 %"),
        "misnamed": ("misnamed", "2 %"),
        "unnamed": ("found, not named", ""),
        "undecided": ("undecided", ""),
    }
    for key, (words, aim) in rows.items():
        print(f"{words:24}" + "".join(f"{_percent(part[key], part['n']):>10}" for part in parts) + f"   {aim}")
    print(f"{'mistakes':24}" + "".join(f"{part['n']:>10}" for part in parts))
    kinds = ("smooth", "kink", "float32")
    good = sum((tally["right", kind] for kind in kinds), Counter())
    undecided = _percent(tally["right", "smooth"]["UNDECIDED"], tally["right", "smooth"]["n"]).strip()
    print(
        f"\nright gradients: {good['FAIL']} false alarms of {good['n']} (aim 0), {good['UNDECIDED']} UNDECIDED; ",
        end="",
    )
    print(f"of the smooth float64 ones {undecided} (aim 1 %)")
    print(f"\n{'':24}{'detected':>10}   false alarms: smooth{'at kinks':>12}{'float32':>14}{'CPU seconds':>14}")
    for name in ("tinygen", *peers):
        found = total if name == "tinygen" else tally[name]
        alarms = [tally["right" if name == "tinygen" else name, kind] for kind in kinds]
        smooth, kink, coarse = (f"{part['FAIL']} of {part['n']}" for part in alarms)
        share = _percent(found["found"], found["n"])
        print(f"{name:24}{share:>10}{smooth:>23}{kink:>12}{coarse:>14}{seconds[name]:14.1f}")
    for name in missing:
        print(f"{name:24}{'missing':>10}")
    print(f"\nheld out: {', '.join(sorted(HELD_OUT))}")


def _percent(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a quarter of the mistakes and 120 right gradients")
    parser.add_argument("--show", action="count", default=0, help="show what was missed or misnamed, and the public"
                        " first sentences; never of held-out ones, of unseen ones only if given twice")  # fmt: skip
    parser.add_argument("--only", choices=("home", "public"), help="one of the two fields")
    parser.add_argument("--no-peers", action="store_true", help="tinygen alone")
    arguments = parser.parse_args()
    if arguments.only != "public":
        run(arguments.quick, arguments.show, not arguments.no_peers)
    if arguments.only != "home":
        run_public(arguments.show)
