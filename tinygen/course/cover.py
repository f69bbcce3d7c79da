"""A lesson's picture for the index: one of its figures without its letters; and the way through the lessons, drawn."""

import html
import re

from tinygen.course.drawing.layout import plain

TAG = "cover"  # of the cell whose figure it is; otherwise it is the last one
WORDS = re.compile(r'<g transform="[^"]*scale\([^)]*-[^)]*\)">(?:<(?:use|path|rect)\b[^>]*/>|<defs>.*?</defs>)*</g>')


def cover(ran):
    """The <svg> of a lesson that has run, of a player the frame in the middle; "" if it has no figure."""
    figures = re.compile(r'<svg [^>]*role="img".*?</svg>', re.DOTALL)
    shown = [(one.cell.tags, figures.findall("".join([*one.figures, one.shown]))) for one in ran]
    shown = [(tags, drawn) for tags, drawn in shown if drawn]
    if not shown:
        return ""
    chosen = next((drawn for tags, drawn in shown if TAG in tags), shown[-1][1])
    text = WORDS.sub("", chosen[len(chosen) // 2])
    return re.sub(r' (width|height|style|role|aria-label)="[^"]*"', "", text[:text.index(">")]) + text[text.index(">"):]


def way(lessons):
    """The lessons as a drawing, each joined to those that it asks for: what can be read when."""
    before = {one.number: asked(one) & {other.number for other in lessons} for one in lessons}
    depth = {}
    for number in sorted(before):
        depth[number] = 1 + max((depth[n] for n in before[number] if n in depth), default=-1)
    place, rows = {}, {}
    for number in sorted(before):
        rows[depth[number]] = rows.get(depth[number], 0) + 1
        place[number] = 24 + 64 * depth[number], 22 + 44 * (rows[depth[number]] - 1)
    lines = "".join(f'<path d="M{place[a][0]} {place[a][1]}L{place[b][0]} {place[b][1]}"/>'
                    for b in before for a in sorted(direct(b, before)))
    dots = "".join(f'<a href="{one.name}.html"><title>{html.escape(plain(one.title))}</title>'
                   f'<circle cx="{x}" cy="{y}" r="15"/><text x="{x}" y="{y + 5}">{one.number}</text></a>'
                   for one in lessons for x, y in [place[one.number]])
    wide, high = (max(p[k] for p in place.values()) + 24 for k in (0, 1))
    words = "; ".join(f"{b} after {', '.join(map(str, sorted(direct(b, before))))}" for b in before if before[b])
    return (f'<figure class="scrolls" tabindex="0"><svg class="way" viewBox="0 0 {wide} {high}" width="{wide}" '
            f'style="min-width:{wide}px" aria-label="What comes before what: {words}.">{lines}{dots}</svg></figure>')


def asked(one):
    """The numbers of the lessons that the header of a lesson asks for."""
    return {int(n) for n in re.findall(r"\d+", one.facts.get("Before this", "").split(";")[0])}


def direct(number, before):
    """Of the lessons asked for, those that no other one of them asks for too."""
    through = set().union(*(before[n] for n in before[number]))
    return before[number] - through
