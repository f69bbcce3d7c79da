"""The drawings of one page: what they have in common, shapes and styles, stands once."""

import collections
import html
import itertools
import re
from xml.etree import ElementTree

REFERENCE, NAME = 22, 15  # characters that a reference to a shape takes, and its name


def share(body):
    """What the drawings of a page have in common is drawn once: (an <svg> that holds it, `body` referring to it)."""
    parts = re.split(r"(<svg [^>]*>.*?</svg>)", body, flags=re.DOTALL)
    roots = {i: parsed(part) for i, part in enumerate(parts) if part.startswith("<svg ")}
    shapes = _Shapes()
    for root in roots.values():
        shapes.define(root)
    rules = _classes(roots.values())
    shapes.join([one for root in roots.values() for one in root.iter()])
    for root in roots.values():
        shapes.count(root)
    for root in roots.values():
        shapes.hoist(root)
    shapes.join(roots.values())
    for i, root in roots.items():
        parts[i] = markup(root)
    drawn = f"<style>{rules}</style><defs>{''.join(shapes.kept.values())}</defs>"
    return f'<svg class="shapes" aria-hidden="true" width="0" height="0">{drawn}</svg>', "".join(parts)


def _classes(roots):
    """Let looks that several parts of the drawings have be classes; return their rules."""
    places = collections.defaultdict(list)
    for one in (one for root in roots for one in root.iter()):
        clip = f"clip-path:{one.get('clip-path')}" if "clip-path" in one.attrib else ""
        places[";".join(filter(None, (one.get("style"), clip)))].append(one)
    places.pop("", None)
    rules = ""
    for look, them in sorted(places.items(), key=lambda item: -len(item[1])):
        if len(them) > 1:
            name = f"_{_base36(rules.count('}'))}"
            rules += f".{name}{{{look}}}"
            for one in them:
                one.attrib = {k: v for k, v in one.attrib.items() if k not in ("style", "clip-path")}
                one.set("class", f"{one.get('class', '')} {name}".strip())
    return rules


class _Shapes:
    """The shapes that a page keeps: {their text: their text with its id}, in the order in which they were met."""

    def __init__(self):
        self.kept, self.names, self.counts = {}, {}, collections.Counter()

    def _keep(self, content, element):
        """The name of a shape; `element(name)` is its text with that name."""
        if content not in self.names:
            self.names[content] = f"_{_base36(len(self.names))}"
            self.kept[content] = element(self.names[content])
        return self.names[content]

    def define(self, root):
        """Take out what the drawing itself defines by an id, and let its references follow."""
        renamed = {}

        def follow(element):
            for key, value in element.attrib.items():
                if "#" in value:
                    element.set(key, re.sub(r"(^#|url\(#)([^)]+)", lambda m: m[1] + renamed.get(m[2], m[2]), value))

        for block in list(root.iter("defs")):
            for one in block:
                for inner in one.iter():
                    follow(inner)
                name = one.attrib.pop("id", None)
                if name is not None:
                    content = markup(one)
                    renamed[name] = self._keep(
                        content, lambda new, one=one: markup(one).replace(f"<{one.tag}", f'<{one.tag} id="{new}"', 1)
                    )
        for parent in list(root.iter()):
            for child in [c for c in parent if c.tag == "defs"]:
                parent.remove(child)
        for element in root.iter():
            follow(element)

    def join(self, elements):
        """Let references that often stand side by side in the same way be one shape, and it and its neighbours too."""
        rows = {one: [_placed(child) for child in one] for one in elements if len(one) > 1}
        while True:
            different = set(map(tuple, rows.values()))
            counts = collections.Counter(_pair(*two) for row in different for two in itertools.pairwise(row))
            del counts[None]
            met = collections.Counter(pair for row in different for _, pair in _paired(row, counts))
            del met[None]
            good = {pair: counts[pair] for pair, n in met.items() if n > 1}
            if not good:
                break
            for row in rows.values():
                row[:] = [(pair, *one[1:]) if pair else one for one, pair in _paired(row, good)]
        self.refer(rows, different)

    def refer(self, rows, different):
        """Fill the elements of `rows` with references: to a pair where that is shorter, else to what it is made of."""
        refs, todo, parts = collections.Counter(), [one for row in different for one in row], {}
        while todo:
            one = todo.pop()
            name = one[0] if isinstance(one, tuple) else None
            if isinstance(name, tuple):
                refs[name] += 1
                todo += [(name[0], 0, 0), (name[1], *name[2:])] if refs[name] == 1 else []

        def taken(one):
            """A token as references: [(name, x, y)], or the element that it is."""
            if not isinstance(one, tuple) or isinstance(one[0], str):
                return [one]
            pair, x, y = one
            if pair not in parts:
                inside = taken((pair[0], 0, 0)) + taken((pair[1], *pair[2:]))
                content = "".join(markup(_use(*each)) for each in inside)
                if (refs[pair] - 1) * len(content) > refs[pair] * REFERENCE + NAME:
                    inside = [(self._keep(content, lambda new: f'<g id="{new}">{content}</g>'), 0, 0)]
                parts[pair] = inside
            return [(name, x + dx, y + dy) for name, dx, dy in parts[pair]]

        for element, row in rows.items():
            element[:] = [_use(*one) if isinstance(one, tuple) else one for token in row for one in taken(token)]

    def count(self, element):
        for inner in element.iter():
            self.counts[markup(inner)] += 1
            if len(inner) > 1 and inner.attrib:
                self.counts[_inside(inner)] += 1

    def hoist(self, element):
        """Replace the largest parts of an element that stand elsewhere too by a reference."""
        inside = _inside(element)
        if len(element) > 1 and self._twice(inside):
            name = self._keep(inside, lambda new: f'<g id="{new}">{inside}</g>')
            element[:] = [ElementTree.Element("use", href=f"#{name}")]
            element.text = None
            return
        for i, child in enumerate(element):
            text = markup(child)
            if child.tag not in ("use", "text", "tspan", "title", "desc", "style") and self._twice(text):
                name = self._keep(text, lambda new, child=child, text=text:
                                  text.replace(f"<{child.tag}", f'<{child.tag} id="{new}"', 1))
                element[i] = ElementTree.Element("use", href=f"#{name}")
            else:
                self.hoist(child)

    def _twice(self, text):
        count = self.counts[text]
        return text in self.names or (count - 1) * len(text) > count * REFERENCE + NAME


def _placed(element):
    """(name, x, y) of a reference to a shape, which may be a letter; another element is itself."""
    known = element.tag == "use" and element.attrib.keys() <= {"href", "x", "y"}
    return (element.get("href")[1:], int(element.get("x", 0)), int(element.get("y", 0))) if known else element


def _pair(one, other):
    """Two references side by side, and where the second stands from the first; None if they are none."""
    both = isinstance(one, tuple) and isinstance(other, tuple)
    return (one[0], other[0], other[1] - one[1], other[2] - one[2]) if both else None


def _paired(row, good):
    """Walk along a row: (one, the pair that it makes with its neighbour or None), the better pair first."""
    at, pairs = 0, [_pair(*two) for two in itertools.pairwise(row)] + [None, None]
    while at < len(row):
        pair, following = pairs[at], pairs[at + 1]
        taken = pair in good and good[pair] >= good.get(following, 0)
        yield row[at], pair if taken else None
        at += 1 + taken


def _use(name, x, y):
    place = {key: str(value) for key, value in (("x", x), ("y", y)) if value}
    return ElementTree.Element("use", {"href": f"#{name}"} | place)


def parsed(text):
    """A drawing as a tree; names of other XML languages are left to the HTML around it."""
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href").replace("xml:space", "space")
    return ElementTree.fromstring(text)


def markup(element):
    """An element, and all that is in it, as text."""
    attributes = "".join(f' {key}="{html.escape(value)}"' for key, value in element.attrib.items())
    inside = _inside(element)
    return f"<{element.tag}{attributes}>{inside}</{element.tag}>" if inside else f"<{element.tag}{attributes}/>"


def _inside(element):
    text = html.escape(element.text, quote=False) if element.text else ""
    return text + "".join(markup(c) + (html.escape(c.tail, quote=False) if c.tail else "") for c in element)


def _base36(n):
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return digits[n] if n < 36 else _base36(n // 36) + digits[n % 36]
