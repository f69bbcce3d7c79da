"""All sentences, rendered and kept in golden.txt to be read as prose; `python test_words.py` writes it anew."""

import ast
from pathlib import Path
from string import Formatter

import tinygen
from tinygen.mistakes.numbers import Number
from tinygen.mistakes.recording import Place
from tinygen.mistakes.words import SENTENCES, counted, say, times

GOLDEN = Path(__file__).with_name("golden.txt")
HALF, SIXTH = Number(0.5, 2, "1/2"), Number(1 / 6, 3, "1/6", "6 is the length of axis 0 of X")
PARTS = {
    "d": "dL/dW",
    "name": "W",
    "what": "dL/dW",
    "times": times(SIXTH),
    "here": 2.5,
    "there": 3.25,
    "words": "exp(W)",
    "hint": ": a factor exp(W) too many, or missing in a denominator.",
    "told": "not",
    "given": "sigma^2",
    "true": "log sigma^2",
    "limit": 0.25,
    "kind": "negative",
    "move": "is transposed.",
    "dtype": "float32",
    "error": 3e-8,
    "whose": "the gradient with respect to V",
    "where": "for t - 1 in place of t: t is off by one.",
    "size": "0.25",
    "way": "large",
    "sign": "+",
    "of": " (the gradient of W^2 / 2)",
    "term": "penalty",
    "counted": counted(HALF),
    "count": 2,
    "source": "reg * np.sum(W * W)",
    "line": "line 22",
    "place": Place("loss.py", 22, 0, "data + reg * np.sum(W * W)"),
    "sources": "`x.mean(0)` and `x.var(0)`",
    "noise": "eps",
    "factor": "`q`",
    "turn": "last",
    "by": "`x`",
    "other": Place("loss.py", 3, 0, "x @ A"),
    "inside": "",
    "wrong": 0,
    "right": 1,
    "region": "row 2 is wrong",
    "main": "dL/dW is twice",
    "shape": (3,),
    "reading": "logvar was taken for log sigma: it is log sigma^2",
    "one": "mean",
    "two": "logvar",
    "off": 1e-4,
    "c": 1.44,
    "digits": 3,
    "guess": "",
    "ratio": 1.5,
}
OWN = (
    {  # parts that mean something else in one sentence
        "power": {"what": "the square"},
        "region": {"told": "it has the wrong sign."},
        "entropy": {"told": "lacks 1/2", "name": "logvar"},
        "local": {"words": "the derivative is multiplied in twice"},
        "back": {"words": "is transposed"},
        "reading": {"words": "logvar was taken for log sigma: it is log sigma^2"},
        "not chained": {"words": "logvar was taken for log sigma: it is log sigma^2"},
        "turn": {"name": "beta[t]", "turn": "before", "place": Place("loss.py", 9, 0, "np.sqrt(beta[t]) * z")},
        "other label": {"got": "sigmoid(W)", "expected": "-sigmoid(-W)"},
        "triangle": {"half": "lower"},
        "of the symmetric form": {"told": "In dL/dW the term `0.5 * logdet(W)` (line 4) counts half."},
        "variant": {"words": "-`y` in place of `y`"},
        "added": {"words": "W"},
        "misread": {"where": "in the prior, "},
        "named terms": {"words": "prior counts half; entropy is missing"},
        "softmax axis": {"words": "softmax(W) / 6"},
        "held all": {"source": "P / (P + r)"},
        "left out inside": {"source": "E * np.exp(X @ b)", "by": "`E`", "inside": ", in the term `mu`"},
        "held": {"source": "np.sqrt(x.var(0))", "place": Place("loss.py", 3, 0, "x / np.sqrt(x.var(0))")},
        "path": {"source": "np.sqrt(x.var(0))", "place": Place("loss.py", 3, 0, "x / np.sqrt(x.var(0))")},
        "left out": {"place": Place("loss.py", 3, 0, "q * (X @ b)")},
        "not derived": {"place": Place("loss.py", 3, 0, "np.exp(p)")},
        "same": {"name": "x", "place": Place("loss.py", 3, 0, "x @ A @ x")},
        "estimate": {"where": "the mean of the estimate"},
        "one turn": {"place": Place("loss.py", 9, 0, "W @ h")},
        "jacobian left out": {"source": "e / e.sum(1)"},
        "jacobian twice": {"source": "e / e.sum(1)"},
        "jacobian diagonal": {"source": "e / e.sum(1)"},
    }
    | {key: {"where": "the mean of the estimate"} for key in ("estimate zero", "estimate slight", "estimate about")}
    | {
        key: {"where": "along axis 0 of dL/dW"}
        for key in ("mean", "centred", "mean and centred", "norm", "softmax", "slices")
    }
)


def rendered():
    lines = []
    for key, form in SENTENCES.items():
        names = {name.split(".")[0] for _, name, _, _ in Formatter().parse(form) if name}
        names |= {"digits"} if "c" in names else set()
        parts = PARTS | OWN.get(key, {})
        lines.append(f"{key}: {say(key, **{name: parts[name] for name in names})}")
    return "\n".join(lines) + "\n"


def test_the_sentences_are_those_that_were_read():
    assert rendered() == GOLDEN.read_text(), "read the new sentences as prose, then run `python test_words.py`"


def test_every_sentence_that_is_asked_for_is_there():
    asked = [n.args[0].value for path in Path(tinygen.__file__).parent.rglob("*.py")
             for n in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "say" and isinstance(n.args[0], ast.Constant)]
    assert len(asked) > 30 and not set(asked) - set(SENTENCES), "tinygen/mistakes/words.py has no such sentence"


if __name__ == "__main__":
    GOLDEN.write_text(rendered())
