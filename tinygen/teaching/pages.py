"""The pages of a graded class: one for each student, and one for what to talk about on Monday.

Everything that students have written is escaped; the pages load nothing and run nothing.
"""

import html
import re
from collections import Counter

STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; display: block; overflow-x: auto }
td, th { text-align: left; vertical-align: top; padding: .4rem .7rem; border-bottom: 1px solid #8884 }
td.number { text-align: right; font-variant-numeric: tabular-nums }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #8881; padding: .7rem; margin: .3rem 0 }
pre, code { font-size: 14px }
.pass { color: #1a7f37 } .fail { color: #cf222e }
@media (prefers-color-scheme: dark) { .pass { color: #57d364 } .fail { color: #ff8d86 } }
.note { border-left: 4px solid #d4a72c; padding-left: .7rem }
@media print { body { max-width: none } pre { background: none; border: 1px solid #8884 } }
"""


def all_pages(graded):
    """{path of a page: its HTML} for the class and all students."""
    names = page_names(graded.students)
    pages = {f"students/{names[student]}": student_page(graded, student) for student in graded.students}
    return {"index.html": class_page(graded, names), **pages}


def page_names(students):
    """A file name for each student, of letters that every system takes, and different for each.

    >>> page_names(["Ada L.", "ada-l", "../x"])
    {'Ada L.': 'ada-l.html', 'ada-l': 'ada-l-2.html', '../x': 'x.html'}
    """
    taken, found = Counter(), {}
    for student in students:
        stem = re.sub(r"[^\w]+", "-", student, flags=re.ASCII).strip("-").lower()[:60] or "student"
        taken[stem] += 1
        found[student] = f"{stem}-{taken[stem]}.html" if taken[stem] > 1 else f"{stem}.html"
    return found


def student_page(graded, student):
    """A student's marks: for each lesson each exercise, its verdict, what is wrong in words, and their code."""
    parts = []
    for assigned in graded.course.lessons:
        marked = graded.marked.get((student, assigned.number))
        title = f"{assigned.number:02d} {assigned.path.stem[3:].replace('_', ' ')}"
        if marked is None:
            parts.append(f"<h2>{_safe(title)}</h2><p>Nothing was handed in.</p>")
            continue
        parts.append(f"<h2>{_safe(title)}: {100 * marked.mark:.0f} %</h2>{_facts(marked)}{_exercises(marked)}")
    if graded.course.hunt:
        parts.append(_hunt(graded.hunts.get(student)))
    total = f"{100 * graded.total(student):.1f} %"
    head = f"<p>{_safe(graded.course.title)}. All together: <strong>{total}</strong></p>"
    return _page(student, head + "".join(parts))


def _hunt(hunted):
    """The bug hunt: what was said, what was there, and the code."""
    if hunted is None:
        return "<h2>The bug hunt</h2><p>Nothing was handed in.</p>"
    code = hunted.submission.path.read_text(encoding="utf-8", errors="replace")
    return (
        f"<h2>The bug hunt: {100 * hunted.counted:.0f} %</h2><p>Said: {_safe(hunted.said)}.</p>"
        f"<p>{_safe(hunted.why)}</p><details><summary>the code</summary><pre>{_safe(code)}</pre></details>"
    )


def _facts(marked):
    facts = [f"From {_safe(marked.submission.named)}"]
    if marked.submission.time:
        facts.append(f"handed in {marked.submission.time:%Y-%m-%d %H:%M}")
    if marked.factor < 1:
        facts.append(f"late: {100 * (1 - marked.factor):.0f} % off")
    said = f"<p>{', '.join(facts)}.</p>"
    if not marked.verdict.isolated:
        said += '<p class="note">Judged without isolation: bubblewrap is not there, so that the file could have read '
        said += "what the judge's user can read, and could have reached the network.</p>"
    for error in marked.verdict.errors:
        said += f'<p class="note">While its cells ran:</p><pre>{_safe(error)}</pre>'
    if marked.verdict.attempts:
        tried = "".join(f"<li><code>{_safe(each)}</code></li>" for each in marked.verdict.attempts)
        said += f'<p class="note">What the file tried that a lesson has no reason for:</p><ul>{tried}</ul>'
    return said


def _exercises(marked):
    code = functions(marked.submission.path.read_text(encoding="utf-8", errors="replace"))
    rows = []
    for found in marked.verdict.exercises:
        verdict = '<td class="pass">✓ right</td>' if found["ok"] else '<td class="fail">✗ not right</td>'
        said = "" if found["ok"] else f"<pre>{_safe(found['said'])}</pre>"
        source = code.get(found["name"])
        own = f"<details><summary>the code</summary><pre>{_safe(source)}</pre></details>" if source else ""
        rows.append(f"<tr><td><code>{_safe(found['name'])}</code></td>{verdict}<td>{said}{own}</td></tr>")
    head = "<tr><th>exercise</th><th>verdict</th><th>why</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def functions(text):
    """{name: source} of the functions at the start of a line.

    >>> functions("x = 1\\ndef f(x):\\n    return x\\n\\nprint(f(1))\\n")
    {'f': 'def f(x):\\n    return x'}
    """
    found = re.finditer(r"^def (\w+)\(.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    return {match[1]: match[0].rstrip() for match in found}


def class_page(graded, names):
    """The class: which mistakes are made how often, the students' marks, and what could not be read."""
    rows = []
    for assigned in graded.course.lessons:
        marked = [m for (_, number), m in sorted(graded.marked.items()) if number == assigned.number]
        exercises = [found["name"] for found in marked[0].verdict.exercises] if marked else []
        for name in exercises:
            found = [next((e for e in m.verdict.exercises if e["name"] == name), None) for m in marked]
            found = [each for each in found if each]
            wrong = Counter(summary(each) for each in found if not each["ok"])
            most = "".join(f"<li>{count} × {_safe(what)}</li>" for what, count in wrong.most_common(4))
            right = sum(each["ok"] for each in found)
            share = f'<td class="number">{right} of {len(found)}</td>'
            rows.append(f"<tr><td>{assigned.number:02d}</td><td><code>{_safe(name)}</code></td>{share}"
                        f"<td><ul>{most}</ul></td></tr>")
    head = "<tr><th>lesson</th><th>exercise</th><th>right</th><th>what is wrong, most often</th></tr>"
    if graded.hunts:
        found = sum(h.mark == 1 for h in graded.hunts.values())
        line = sum(h.mark == 0.5 for h in graded.hunts.values())
        rows.append(f'<tr><td></td><td>the bug hunt</td><td class="number">{found} of {len(graded.hunts)}</td>'
                    f"<td>{line} more have the line, and another kind</td></tr>")
    exercises = head + "".join(rows)
    people = "".join(
        f'<tr><td><a href="students/{names[student]}">{_safe(student)}</a></td>'
        f'<td class="number">{100 * graded.total(student):.1f} %</td></tr>' for student in graded.students
    )
    rest = ""
    if graded.collected.replaced:
        items = "".join(f"<li>{_safe(s.student)}: {_safe(s.named)}</li>" for s in graded.collected.replaced)
        rest += f"<h2>Replaced by a later one</h2><ul>{items}</ul>"
    if graded.alike:
        items = "".join(f"<li>lesson {number:02d}: {_safe(one)}, {_safe(other)}: {100 * share:.0f} %</li>"
                        for share, number, one, other in graded.alike)  # fmt: skip
        rest += "<h2>Much alike</h2><p>How much of the shorter one's own lines is in the other. A list to look at, no "
        rest += f"verdict: short answers are alike, and so are answers to the same hint.</p><ul>{items}</ul>"
    if graded.collected.unknown:
        items = "".join(f"<li>{_safe(name)}: {_safe(why)}</li>" for name, why in graded.collected.unknown)
        rest += f"<h2>Not judged</h2><ul>{items}</ul>"
    body = f"<p>{len(graded.students)} students.</p><h2>Exercises</h2><table>{exercises}</table>"
    body += f"<h2>Students</h2><table><tr><th>student</th><th>all together</th></tr>{people}</table>{rest}"
    return _page(graded.course.title, body)


def summary(found):
    """What is wrong with an answer in a line that is the same for the same mistake: no numbers of this answer."""
    text = found["mistake"] or next((x.strip() for x in found["said"].splitlines()[1:] if x.strip()), found["said"])
    return re.sub(r"-?\d+\.\d+(e[+-]?\d+)?", "…", text)[:200]


def _safe(text):
    """Escaped, and without characters that a page must not hold or that turn the text around."""
    shown = "".join(c for c in str(text) if c in "\n\t" or (c.isprintable() and not "\u202a" <= c <= "\u202e"))
    return html.escape(shown)


def _page(title, body):
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{_safe(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><h1>{_safe(title)}</h1>{body}</body></html>\n"
    )
