"""A lesson's picture for the index: one of its figures without its letters; and the way through the lessons, drawn."""

import html
import itertools
import re

from tinygen.course.drawing import share, slim
from tinygen.course.drawing.layout import plain

TAG = "cover"  # of the cell whose figure it is; otherwise it is the last one


def cover(ran):
    """The <svg> of a lesson that has run, of a player a later frame, without letters and legends; "" if it has no
    figure."""
    figures = re.compile(r'<svg [^>]*role="img".*?</svg>', re.DOTALL)
    shown = [(one.cell.tags, figures.findall("".join([*one.figures, one.shown]))) for one in ran]
    shown = [(tags, drawn) for tags, drawn in shown if drawn]
    if not shown:
        return ""
    chosen = next((drawn for tags, drawn in shown if TAG in tags), shown[-1][1])
    root = share.parsed(chosen[len(chosen) * 3 // 4])
    for parent in root.iter():
        parent[:] = [one for one in parent if one.get("class") != slim.KEY and not (
            one.tag == "g" and re.search(r"scale\(\S+ -", one.get("transform", "")))]
    root.attrib = {key: value for key, value in root.attrib.items() if key in ("fill", "stroke-linejoin", "viewBox")}
    return share.markup(root)


def way(lessons):
    """The lessons as a drawing, each joined to those that it asks for: what can be read when."""
    before = {one.number: asked(one) & {other.number for other in lessons} for one in lessons}
    depth = {}
    for number in sorted(before):
        depth[number] = 1 + max((depth[n] for n in before[number] if n in depth), default=-1)
    place, joined = {}, []
    for number in sorted(before):
        # The highest row in which it stands on no line, and its own lines run through no other lesson.
        for row in itertools.count():
            at, mine = (24 + 64 * depth[number], 22 + 22 * row), [place[n] for n in direct(number, before)]
            if not any(x == at[0] and abs(y - at[1]) < 44 for x, y in place.values()) and not any(
                _between(a, b, dot) for a, b in [*joined, *((one, at) for one in mine)] for dot in [*place.values(), at]
            ):
                break
        place[number] = at
        joined += [(one, at) for one in mine]
    lines = "".join(f'<path d="M{place[a][0]} {place[a][1]}L{place[b][0]} {place[b][1]}"/>'
                    for b in before for a in sorted(direct(b, before)))
    dots = "".join(f'<a href="{one.name}.html"><title>{html.escape(plain(one.title))}</title>'
                   f'<circle cx="{x}" cy="{y}" r="15"/><text x="{x}" y="{y + 5}">{one.number}</text></a>'
                   for one in lessons for x, y in [place[one.number]])
    wide, high = (max(p[k] for p in place.values()) + 24 for k in (0, 1))
    words = "; ".join(f"{b} after {', '.join(map(str, sorted(direct(b, before))))}" for b in before if before[b])
    return (f'<figure class="scrolls" tabindex="0"><svg class="way" viewBox="0 0 {wide} {high}" width="{wide}" '
            f'style="min-width:{wide}px" aria-label="What comes before what: {words}.">{lines}{dots}</svg></figure>')


def _between(a, b, dot):
    """Does the line from a to b run through this dot, which is neither?"""
    (ax, ay), (bx, by), (x, y) = a, b, dot
    return ax < x < bx and abs(ay + (by - ay) * (x - ax) / (bx - ax) - y) < 17


def asked(one):
    """The numbers of the lessons that the header of a lesson asks for."""
    return {int(n) for n in re.findall(r"\d+", one.facts.get("Before this", "").split(";")[0])}


def direct(number, before):
    """Of the lessons asked for, those that no other one of them asks for too."""
    through = set().union(*(before[n] for n in before[number]))
    return before[number] - through
