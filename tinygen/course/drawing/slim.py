"""SVG in few bytes without a visible difference: paths in short relative steps, and what stands twice drawn once."""

import base64
import collections
import html
import io
import itertools
import re
from xml.etree import ElementTree

import numpy as np

CLOSE = 0.04  # points: less than a tenth of a pixel at the size of the page
SHORT = 60  # an element of fewer characters is not worth a reference


def path(d, scale=1.0, digits=1, dots=False):
    """The path data `d` times `scale`, each point rounded to so many `digits`, in relative steps.

    dots: keep points that fall together.

    Roundings do not add up: each step starts from the rounded point before it. Data with other commands than M, L, Q, C
    and Z come back as they are.

    >>> path("M 1.04 2 L 11.02 2.31 L 11.02 2.31 Z")
    'M1 2l10 .3z'
    """
    parts = re.findall(r"[A-Za-z]|-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?", d)
    if not set(filter(str.isalpha, parts)) <= set("MLQCZ"):
        return d
    out, here, start, at, command = [], (0, 0), (0, 0), 0, ""
    while at < len(parts):
        if parts[at].isalpha():
            command, at = parts[at], at + 1
        if command == "Z":
            out.append("z")
            here = start
            continue
        count = {"M": 1, "L": 1, "Q": 2, "C": 3}[command]
        numbers = [round(float(v) * scale * 10**digits) for v in parts[at:at + 2 * count]]
        points, at = list(zip(numbers[::2], numbers[1::2])), at + 2 * count
        if command == "M":
            here = start = points[0]
            out.append("M" + _numbers(points, (0, 0), digits))
        elif dots or command != "L" or points[0] != here or out[-1][0] == "M":  # a line of no length may be a dot
            step = _numbers(points, here, digits)
            same = bool(out) and out[-1][0] == command.lower()
            out.append((" " * (step[0] != "-") if same else command.lower()) + step)
            if same:
                out[-2:] = [out[-2] + out[-1]]
            here = points[-1]
        command = "L" if command == "M" else command
    return "".join(out)


def _numbers(points, origin, digits):
    """Points from `origin`, in whole units of the last digit, as the shortest text."""
    text = ""
    for x, y in points:
        for value in (x - origin[0], y - origin[1]):
            shown = number(value / 10**digits, digits)
            text += shown if not text or shown[0] == "-" else " " + shown
    return text


def number(value, digits):
    """A number, rounded, as short as it can be written.

    >>> number(0.50, 2), number(-0.04, 1), number(12.0, 1)
    ('.5', '0', '12')
    """
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
    text = re.sub(r"^(-?)0\.", r"\1.", text)
    return "0" if text in ("-0", "", "-") else text


def figure(text):
    """The <svg> of one Matplotlib figure: no comments, white space, or ids that nothing refers to; short paths and
    numbers; what neighbours have in common said once; images with at most 256 colours as such."""
    text = re.sub(r"<!--.*?-->|(?<=>)\s+(?=<)", "", text, flags=re.DOTALL)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    root = _parsed(text)
    for one in root.iter():
        if one.attrib.get("id", "") not in used:
            one.attrib.pop("id", None)
        if "style" in one.attrib:
            one.set("style", re.sub(r"\s*([:;])\s*", r"\1", one.get("style")).rstrip(";"))
        for key in {"x", "y", "width", "height", "transform"} & set(one.attrib):
            short = lambda m: number(float(m[0]), 2)
            one.set(key, re.sub(r"-?\d+\.\d+(?:e-\d+)?", short, one.get(key)) if one is not root else one.get(key))
        if "d" in one.attrib:
            one.set("d", _curve(one.get("d")))
        if one.get("href", "").startswith("data:image/png;base64,"):
            one.set("href", _palette(one.get("href")))
    _gather(root, {one.get("id"): one for one in root.iter("path") if "id" in one.attrib})
    return _text(root).replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)


def _curve(d):
    """A path with the points that it needs: those left out lie less than CLOSE beside it."""
    values = [abs(float(v)) for v in re.findall(r"-?\d+\.?\d*", d)]
    out = re.sub(r"M [^MQCZ]*", lambda m: _thinned(m[0]), d) if len(values) > 16 else d
    return path(out, digits=2 if max(values, default=0) < 12 else 1)  # a marker is small, and seen often


def _thinned(d):
    """A polyline, "M x y L x y ...", without the points within CLOSE of the line that is left (Douglas and Peucker)."""
    points = np.array([float(v) for v in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", d)]).reshape(-1, 2)
    if len(points) < 8:
        return d
    keep, todo = {0, len(points) - 1}, [(0, len(points) - 1)]
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        (ax, ay), step = points[first], points[last] - points[first]
        inner = points[first + 1:last] - (ax, ay)
        length = np.hypot(*step)
        along = np.clip(inner @ step / length**2, 0, 1) if length else np.zeros(len(inner))
        off = np.hypot(*(inner - along[:, None] * step).T)
        worst = int(np.argmax(off))
        if off[worst] > CLOSE:
            middle = first + 1 + worst
            keep.add(middle)
            todo += [(first, middle), (middle, last)]
    return "M " + " L ".join(f"{x:.6f} {y:.6f}" for x, y in points[sorted(keep)]) + " "


def _palette(address):
    """A PNG with at most 256 colours as a table of colours; others as they are. The pixels are the same."""
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGBA"))
    colours, index = np.unique(pixels.reshape(-1, 4), axis=0, return_inverse=True)
    if len(colours) > 256:
        return address
    image = Image.fromarray(index.reshape(pixels.shape[:2]).astype(np.uint8), "P")
    image.putpalette(colours[:, :3].tobytes())
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True, transparency=bytes(colours[:, 3]))
    short = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
    return min(address, short, key=len)


def _gather(element, marks):
    """Let what stands in a row and looks the same be said once: marks as the corners of one path that draws them there,
    paths as a group with their style. marks: {id: the <path> of a mark}."""
    for child in element:
        _gather(child, marks)
    out = []
    for (_, style, clip, mark, _), row in itertools.groupby(list(element), _kind):
        row = list(row)
        shared = {key: value for key, value in (("style", style), ("clip-path", clip)) if value}
        if len(row) > 2 and mark in marks:
            # A marker does not inherit from the path that it stands on, so it says its colour itself.
            said = "" if re.search(r"(?<![-\w])fill:", style) else "fill:currentColor"
            drawn = dict(marks[mark].attrib, style=";".join(filter(None, (marks[mark].get("style"), style, said))))
            name = f"{mark}-{len(marks)}"
            marks[name] = ElementTree.Element("path", drawn)
            corner = ElementTree.Element("marker", {"id": name, "markerUnits": "userSpaceOnUse", "overflow": "visible"})
            corner.append(ElementTree.Element("path", {k: v for k, v in drawn.items() if k != "id" and v}))
            defs = ElementTree.Element("defs")
            defs.append(corner)
            places = path("M " + " L ".join(f"{one.get('x', 0)} {one.get('y', 0)}" for one in row), dots=True)
            line = {"d": places, "style": f"fill:none;stroke:none;marker:url(#{name})"}
            row = [defs, ElementTree.Element("path", line | ({"clip-path": clip} if clip else {}))]
        elif len(row) > 2 and shared and not re.search(r"(?<![-\w])opacity", style):
            for one in row:
                for key in shared:
                    del one.attrib[key]
            group = ElementTree.Element("g", shared)
            group[:] = row
            row = [group]
        out += row
    element[:] = out


def _kind(element):
    """What marks or paths in a row have in common: tag, style, clip path, which mark; of anything else, itself."""
    known = element.tag in ("use", "path") and "id" not in element.attrib and "transform" not in element.attrib
    mark = element.get("href", "")[1:] if element.tag == "use" else ""
    return (element.tag, element.get("style", ""), element.get("clip-path", ""), mark, 0 if known else id(element))


# ---- one page --------------------------------------------------------------------------------------------------------


def share(body):
    """What the drawings of a page have in common is drawn once: (an <svg> that holds it, `body` referring to it)."""
    parts = re.split(r"(<svg [^>]*>.*?</svg>)", body, flags=re.DOTALL)
    roots = {i: _parsed(part) for i, part in enumerate(parts) if part.startswith("<svg ")}
    shapes = _Shapes()
    for root in roots.values():
        shapes.define(root)
    for root in roots.values():
        shapes.count(root)
    for root in roots.values():
        shapes.hoist(root)
    for i, root in roots.items():
        parts[i] = _text(root)
    drawn = "".join(shapes.kept.values())
    return f'<svg class="shapes" aria-hidden="true" width="0" height="0"><defs>{drawn}</defs></svg>', "".join(parts)


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
                    content = _text(one)
                    renamed[name] = self._keep(
                        content, lambda new, one=one: _text(one).replace(f"<{one.tag}", f'<{one.tag} id="{new}"', 1)
                    )
        for parent in list(root.iter()):
            for child in [c for c in parent if c.tag == "defs"]:
                parent.remove(child)
        for element in root.iter():
            follow(element)

    def count(self, element):
        for inner in element.iter():
            self.counts[_text(inner)] += 1
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
            text = _text(child)
            if child.tag not in ("use", "text", "tspan", "title", "desc", "style") and self._twice(text):
                name = self._keep(text, lambda new, child=child, text=text:
                                  text.replace(f"<{child.tag}", f'<{child.tag} id="{new}"', 1))
                element[i] = ElementTree.Element("use", href=f"#{name}")
            else:
                self.hoist(child)

    def _twice(self, text):
        return text in self.names or (len(text) > SHORT and self.counts[text] > 1)


def _parsed(text):
    """A drawing as a tree; names of other XML languages are left to the HTML around it."""
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href").replace("xml:space", "space")
    return ElementTree.fromstring(text)


def _text(element):
    attributes = "".join(f' {key}="{html.escape(value)}"' for key, value in element.attrib.items())
    inside = _inside(element)
    return f"<{element.tag}{attributes}>{inside}</{element.tag}>" if inside else f"<{element.tag}{attributes}/>"


def _inside(element):
    text = html.escape(element.text, quote=False) if element.text else ""
    return text + "".join(_text(c) + (html.escape(c.tail, quote=False) if c.tail else "") for c in element)


def _base36(n):
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return digits[n] if n < 36 else _base36(n // 36) + digits[n % 36]
