"""The figures as tables: times, ratios to each peer, and the aims."""

from benchmarks.speed.rounds import geometric_mean, ratios, spread

COMPILED, PLAIN, HAND = "tinygen compiled", "tinygen", "by hand"


def table(work, title, result):
    """One work: for each contender its time, tinygen compiled's ratio to it, and the seconds up to its first result."""
    heading = f"{'':18}{'time a step':>26}{'compiled / it':>22}{'plain / it':>12}{'first':>9}"
    lines = [f"({work}) {title}", heading]
    for name, figures in sorted(result.items(), key=lambda item: spread(item[1]["seconds"])[1]):
        low, middle, high = spread(figures["seconds"])
        lines.append(
            f"{name:18}{_time(middle):>10} {'[' + _time(low) + ', ' + _time(high) + ']':>15}"
            f"{_ratio(ratios(result, COMPILED, name)):>22}{_ratio(ratios(result, PLAIN, name))[:5]:>12}"
            f"{figures['first']:8.2f}s{'' if figures['agrees'] is not False else '  DIFFERS from by hand'}"
        )
    return "\n".join(lines)


def _time(seconds):
    scale, unit = (1e6, "us") if seconds < 1e-3 else (1e3, "ms") if seconds < 1 else (1, "s")
    return f"{seconds * scale:.3g}{unit}"


def _ratio(quartiles):
    return "" if quartiles is None else "{1:5.2f} [{0:.2f}, {2:.2f}]".format(*quartiles)


AIMS = [  # ours, theirs, works, at most; the mean is geometric
    *((COMPILED, HAND, work, 1.10) for work in "abc"),
    (COMPILED, HAND, "e", 1.25),  # 27 calls of a microsecond: the call around them counts
    (COMPILED, "JAX jit", "abcde", 1.0),
    (COMPILED, "PyTorch", "abcde", 0.7),
    (COMPILED, "autograd", "abcde", 0.35),
    (PLAIN, "autograd", "abcde", 0.5),
]


def aims(results):
    """Each aim for one thread, with what was measured: a list of dicts, without those that lack a measurement."""
    out = []
    for ours, theirs, works, most in AIMS:
        measured = [ratios(results.get(work, {}), ours, theirs) for work in works]
        if None not in measured:
            got = geometric_mean([quartiles[1] for quartiles in measured])
            out.append({"ours": ours, "theirs": theirs, "works": works, "aim": most, "got": got, "met": got <= most})
    return out


def aims_text(found):
    lines = ["aims, one thread (medians; of several works the geometric mean)"]
    for aim in found:
        what = f"{aim['ours']} / {aim['theirs']} on ({'), ('.join(aim['works'])})"
        lines.append(f"  {'met   ' if aim['met'] else 'missed'}  {aim['got']:5.2f}  aim {aim['aim']:.2f}  {what}")
    return "\n".join(lines)
