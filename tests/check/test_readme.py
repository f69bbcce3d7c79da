"""The README's reports are what its code prints, but for the size of error bars and residuals."""

import contextlib
import io
import linecache
import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```\n(?:\n^```text\n(.*?)^```)?", README, re.M | re.S)


def printed():
    """(what a block prints, what the README says it prints), for each block of Python."""
    scope, found = {}, []
    for number, (code, said) in enumerate(BLOCKS):
        name = f"README block {number}"
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)  # so that lines of f are found
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, name, "exec"), scope)
        found.append((out.getvalue(), said))
    return found


def plain(text):
    """The words, numbers to four digits, and none such as 2.3e-10, which depends on the machine's rounding."""
    text = re.sub(r" *note: [\d,]+ calls of f, .* s\.\n", "", text)  # of a busy machine,
    text = re.sub(r"(print\(check_grad\(\w+, \w+), .*\)\)", r"\1, ...))", text)  # which also shrinks less
    text = re.sub(r"\d(\.\d+)?e[+-]\d+", "E", text)
    return re.sub(r"\d+\.\d+", lambda number: f"{float(number.group()):.4g}", text).split()


@pytest.mark.filterwarnings("ignore")
def test_the_reports_are_what_is_printed():
    pytest.importorskip("antlr4")
    found = printed()
    verdicts = [said.split()[0] for _, said in found if said]
    assert verdicts == ["PASS", "FAIL", "UNDECIDED"]
    for text, said in found:
        assert not said or plain(text) == plain(said), text
    whole = "".join(text for text, _ in found)
    assert "the first false line is line 2" in whole and "PASS  f" in whole


if __name__ == "__main__":
    for text, _ in printed():
        print(text, "-----", sep="\n")
