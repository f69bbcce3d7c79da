"""Every sentence that names a mistake, in one place: `say("sign", d="dL/dx")`.

A sentence says what the numbers determine, where in the user's own symbols, and what to change; a cause that is only
likely stands behind a question mark. `d` is the gradient ("dL/dx"), `name` the argument, `place` a Place in the source.
"""

import re

SENTENCES = {
    # the whole gradient, or the whole result
    "zero": "{d} is zero everywhere: is {name} treated as a constant, or the gradient never written?",
    "times": "{what} {times}",
    "varies": "{d} is {here:.6g} times what it should be here, and {there:.6g} times at another point: a factor that "
    "depends on the arguments is wrong or missing, such as a normaliser or a norm.",
    "field": "{d} is {words} times what it should be{hint}",
    "by another": "{d} is {told} what it should be: the derivative with respect to {given} instead of {true}?",
    "power": "{d} is {what} of what it should be.",
    "abs": "{d} has lost its signs: it is the absolute value.",
    "minus abs": "{d} has lost its signs: it is minus the absolute value.",
    "clipped": "{d} is cut off at +-{limit:.6g}: clipped?",
    "cut": "{d} has zeros where it should be {kind}: a ReLU or a maximum too many?",
    "order": "{d} has the right numbers in the wrong order.",
    "moved": "{d} {move}",
    "precision": "{d} is right to the precision of {dtype} only (off by {error:.0e} of it): was it computed in "
    "{dtype}?",
    # one argument's gradient for another's; f at another point
    "other argument": "What is given as dL/d{name} is {whose}: are the gradients in the wrong order?",
    "at": "{d} is right {where}",
    "reading": "{d} fits another meaning of {name}: {words}.",
    "not chained": "{d} fits another meaning of {name}, without the derivative of that: {words}.",
    # terms
    "offset": "Every entry of {d} is {size} too {way}: a term linear in {name}?",
    "entropy": "Every entry of {d} {told}: the term {name} of an entropy or a log-determinant?",
    "left in": "{d} has another gradient in it, that of `{words}` beside `{place.short}` ({place.at}): the other "
    "player's (a generator's, in its discriminator), which was not cleared first (zero_grad)?",
    "own noise": "The gradient with respect to {name} differs from call to call while f does not: it draws its own "
    "noise. The same noise has to go into f and its gradient; pass it as an argument.",
    "grows": "{d} is another one at each call, larger by the right gradient each time: it adds to what an earlier call "
    "has left. Clear that first (zero_grad), or write = in place of +=.",
    "added": "{d} is right but for {sign} {words}{of}.",
    "named term": "{term}: in {d} this term {counted}.",
    "named terms": "In {d} {count} terms are wrong: {words}.",
    "term": "In {d} the term `{source}` ({line}) {counted}.",
    "path": "In {d} the part that comes through `{source}` {counted} ({place}).",
    "held": "In {d} `{source}` is held constant, and the part that comes through it is missing ({place}).",
    "held all": "In {d} `{source}` ({line}) is held constant wherever it is used, and what comes through it is "
    "missing.",
    "held two": "In {d} {sources} are held constant, and what comes through them is missing.",
    "both": "In {d} what comes through {sources} {counted}.",
    "sample": "In {d} the path through the sample z = mean + std * {noise} {counted}: z depends on {name} too "
    "(reparameterisation).",
    # a step of the chain rule
    "left out": "In {d} the factor {factor} is left out ({place}).",
    "not derived": "In {d} the derivative of `{place.short}` ({place.at}) is left out of the chain rule.",
    "local": "In {d} {words} ({place}).",
    "back": "In {d} what comes back through `{source}` ({line}) {words}.",
    "one turn": "In {d} only the {turn} turn of the loop counts ({place}): = instead of +=?",
    "same": "In {d} the part that comes through `{name}` in `{place.short}` is taken to be the one in `{other.short}` "
    "({place.at}): a matrix taken for symmetric, or a transpose left out?",
    "left out inside": "In {d} the factor {by} of `{source}` ({line}) is left out{inside}.",
    "jacobian twice": "In {d} the derivative of `{source}` ({line}) by {by} is multiplied in twice.",
    "jacobian left out": "In {d} the derivative of `{source}` ({line}) by {by} is left out{inside}.",
    "jacobian diagonal": "In {d} only the diagonal of the Jacobian of `{source}` ({line}) is used: each of its entries "
    "depends on the other entries of {by} too.",
    "turn": "In {d} each turn of the loop uses the `{name}` of the turn {turn} ({place}): an index off by one?",
    "other label": "{d} is that of the other label: {got} where {expected} belongs: are the labels swapped (1 - y for "
    "y)?",
    "triangle": "{d} is the symmetric form (G + G.T) / 2 of the right gradient G. f reads the {half} triangle of "
    "{name} alone, so G is of that triangle: both say the same of symmetric changes. To compare yours, write f of "
    "({name} + {name}.T) / 2.",
    "of the symmetric form": "{told} (This is said of the symmetric form of dL/d{name}: f reads one triangle alone.)",
    "variant": "{d} is the gradient of another function: with {words} ({place}).",
    # along an axis
    "mean": "The error is constant {where}: the mean over this axis, or a normaliser's derivative, is "
    "missing or subtracted once too often.",
    "centred": "The error {where} is a multiple of {name} minus its mean: what comes through the standard deviation is "
    "wrong or missing.",
    "mean and centred": "The error {where} is a number plus a multiple of {name}: what comes through the mean and the "
    "standard deviation is wrong.",
    "norm": "The error {where} is a multiple of {name}: a norm's derivative, or a penalty on {name}, is wrong or "
    "missing.",
    "softmax": "The error {where} is a multiple of softmax({name}): the softmax's Jacobian lacks its second part, the "
    "weighted mean that is subtracted.",
    "slices": "Each slice {where} has a factor of its own: a weight, a normaliser or a mask is wrong.",
    "softmax axis": "In {d} {words} is taken over axis {wrong} instead of axis {right}.",
    # only some entries
    "entries": "In {d} only {region}; the others are right.",
    "region": "In {d} only {region}: there {told}",
    "two": "Two mistakes: {main} - but {region} in another way.",
    # values, means and lines
    "value shape": "the numbers are right; only the shape is not: it should be {shape}",
    "counted": "the {term} {counted}",
    "misread": "{where}{reading}",
    "swapped": "{one} and {two} have changed places",
    "constant": "all the numbers are off by the same {size}",
    "offset line": "at every point it is too {way} by {size}",
    "line": "at every point it {times}",
    "nearly": "they agree to {off:.0e}: if a line is a Monte Carlo mean or an integral by quad, return (value, bar)",
    "estimate": "{where} {times}",
    "estimate zero": "{where} is 0: no gradient arrives",
    "estimate slight": "{where} is too {way} by {off:.1e} of it",
    "estimate about": "{where} is {c:.{digits}g} times what it should be{guess}",
    "variance": "the mean is right, but the variance is {ratio:.3g} times what is stated",
}
_COUNTS = "N n M m B b T K k batch size n_samples".split()  # what counts are called
COUNTED = {0: "is missing", -1: "has the wrong sign", 2: "counts twice", 0.5: "counts half"}


def say(key, **parts):
    """The sentence `key` with its parts filled in.

    >>> say("term", d="dL/dx", source="np.log(s)", line="line 3", counted="is missing")
    'In dL/dx the term `np.log(s)` (line 3) is missing.'
    """
    return SENTENCES[key].format(**parts)


def counted(number):
    """How a term or a path with the factor `number` (a Number) counts: "is missing", "counts 1/3 times (3 is ...)".

    >>> from tinygen.mistakes.numbers import Number
    >>> counted(Number(0.5, 2, "1/2")), counted(Number(3.0, 3, "3", "3 is the length of axis 0 of x"))
    ('counts half', 'counts 3 times (3 is the length of axis 0 of x)')
    """
    of = f" ({number.of})" if number.of else ""
    return COUNTED.get(number.value, f"counts {number.words} times{of}")


def times(number, of=None):
    """What a result with the wrong factor `number` (a Number) is called, whatever was checked.

    >>> from tinygen.mistakes.numbers import Number
    >>> times(Number(-1.0, 1, "-1")), times(Number(3.14159265, 6, "pi"))
    ('has the wrong sign.', 'is pi times what it should be.')
    """
    if number.value == -1:
        return "has the wrong sign."
    sign = "has the wrong sign and " if number.value < 0 else ""
    size, words = abs(number.value), number.words.lstrip("-")
    if size == 2:
        return f"{sign}is twice what it should be: a 1/2 lost, or the 2 of a square kept?"
    if size == 0.5:
        return f"{sign}is half what it should be: a factor 2 is missing, of a square or a symmetric term?"
    place = f" ({number.of})" if number.of else ""
    return f"{sign}is {words}{place} times what it should be{_hint(number, size, words)}"


def _hint(number, size, words):
    if "sqrt" in words and ("axis" in number.of or "entries" in number.of):
        return ": a scale such as 1/sqrt(d) left out, or there once too often?"
    count = re.fullmatch(r"(\w+) is [\d.]+", number.of) and words.removeprefix("1/") == number.of.split()[0]
    if "axis" in number.of or "entries" in number.of or (count and number.of.split()[0] in _COUNTS):
        return ": a sum in place of a mean?" if size > 1 else ": a mean in place of a sum?"
    if "(pi/180)" in words:
        return ": degrees where radians are meant?"
    if "180/pi" in words:
        return ": radians where degrees are meant?"
    return {
        "ln 2": ": the logarithm to the base 2, or bits for nats?",
        "1/ln 2": ": the logarithm to the base 2, or bits for nats?",
        "ln 10": ": the logarithm to the base 10?",
        "1/ln 10": ": the logarithm to the base 10?",
    }.get(words, ".")


def joined(sentences):
    """Alternatives that explain the numbers equally well, as one sentence.

    >>> joined(["In dL/dx the factor `a` is left out.", "In dL/dx the term `b` is missing."])
    'In dL/dx the factor `a` is left out; or the term `b` is missing.'
    """
    first, *rest = sentences
    told = [first.rstrip(".?")]
    for other in rest:
        same = next((k for k, (a, b) in enumerate(zip(first, other)) if a != b), 0)
        shared = re.sub(r"\b(the|a|an) $", "", first[: first[:same].rfind(" ") + 1])  # an article goes with its noun
        told.append(other[len(shared) :].rstrip(".?"))
    return "; or ".join(told) + ("?" if sentences[-1].endswith("?") else ".")
