"""A Matplotlib figure's SVG in few bytes without a visible difference: whole numbers, paths in short relative steps,
what looks the same drawn by one path."""

import base64
import functools
import hashlib
import io
import itertools
import re
from xml.etree import ElementTree

import numpy as np

from tinygen.course.drawing.share import markup, parsed

CLOSE = 0.07  # points: a tenth of a pixel at the size of the page
UNITS = 10  # of a figure for a point, so that its coordinates are whole numbers
LETTER = 2  # units of a letter for a hundredth of its size
KEY = "key"  # the class of a legend
COUNT = {"M": 1, "L": 1, "Q": 2, "C": 3, "Z": 0}  # the points that follow a command
SIZES = re.compile(r"(?<=stroke-width:)[^;]+|(?<=stroke-dasharray:)[^;]+|(?<=stroke-dashoffset:)[^;]+")


def number(value, digits):
    """A number, rounded, as short as it can be written.

    >>> number(0.50, 2), number(-0.04, 1), number(12.0, 1)
    ('.5', '0', '12')
    """
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
    text = re.sub(r"^(-?)0\.", r"\1.", text)
    return "0" if text in ("-0", "", "-") else text


# ---- paths -----------------------------------------------------------------------------------------------------------


def path(d, scale=1.0, digits=1, marks=False):
    """The path data `d` times `scale`, each point rounded to so many `digits`, in relative steps.

    marks: the points are places of marks, whose order does not matter; nor does that of dots, lines of no length.

    Roundings do not add up: each step starts from the rounded point before it. Data with other commands than M, L, Q, C
    and Z come back as they are.

    >>> path("M 1.04 2 L 11.02 2.31 L 11.02 2.31 Z")
    'M1 2l10 .3z'
    """
    steps = _steps(d)
    if steps is None:
        return d
    unit = 10**digits
    steps = [(command, np.rint(points * (scale * unit)).astype(int).tolist()) for command, points in steps]
    if marks:
        places = _near([points[0] for _, points in steps])
        steps = [("L" if i else "M", [place]) for i, place in enumerate(places)]
    elif _dots(steps):
        places = _near([points[0] for _, points in steps[::2]])
        steps = [(command, [place]) for place in places for command in "ML"]
    out, here, start = [], [0, 0], [0, 0]
    for at, (command, points) in enumerate(steps):
        across, down = (points[0][k] - here[k] for k in (0, 1)) if points else (0, 0)
        alone = out and out[-1][0] in "Mm" and (at + 1 == len(steps) or steps[at + 1][0] == "M")
        if command == "M":
            start = points[0]
            ways = [("M", _numbers(points, [0, 0], unit))] + [("m", _numbers(points, here, unit))] * bool(out)
            out.append(min(ways, key=lambda way: len("".join(way[1]))))
        elif points and all(point == here for point in points) and not (marks or alone):
            continue  # alone, it is a dot
        elif command == "L" and not (across and down) and not marks:
            step, letter = (down, "v") if down else (across, "h")
            out.append((letter, [number(step / unit, digits)]))
        else:
            out.append((command.lower(), _numbers(points, here, unit)))
        here = points[-1] if points else start
    return _written(out)


@functools.lru_cache(maxsize=1024)
def _steps(d):
    """Path data as a tuple of (command, its points); None if it has other commands than M, L, Q, C and Z."""
    parts = re.findall(r"[A-Za-z]|-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?", d.replace("z", "Z"))
    if not set(filter(str.isalpha, parts)) <= set(COUNT):
        return None
    steps, at, command = [], 0, ""
    while at < len(parts):
        if parts[at].isalpha():
            command, at = parts[at], at + 1
        count = 2 * COUNT[command]
        steps.append((command, np.array(parts[at:at + count], float).reshape(-1, 2)))
        command, at = "L" if command == "M" else command, at + count
    return tuple(steps)


def _dots(steps):
    """Are these lines of no length, and nothing else?"""
    pairs = list(zip(steps[::2], steps[1::2]))
    return len(pairs) > 2 and 2 * len(pairs) == len(steps) and all(
        (move, line) == ("M", "L") and np.array_equal(a, b) for (move, a), (line, b) in pairs)


def _near(points):
    """The points, each once, from one to the nearest that is left: so the steps between them are short to write."""
    left = np.unique(np.array(points), axis=0)
    order = [left[0]]
    left = left[1:]
    while len(left):
        nearest = int(np.abs(left - order[-1]).sum(1).argmin())
        order.append(left[nearest])
        left = np.delete(left, nearest, axis=0)
    return [point.tolist() for point in order]


def _numbers(points, origin, unit):
    digits = len(str(unit)) - 1
    return [number((point[k] - origin[k]) / unit, digits) for point in points for k in (0, 1)]


def _written(steps):
    """(letter, numbers) as text: a letter is not said again, and a sign or a second point parts two numbers."""
    out, letter, last = [], "", ""
    for command, numbers in steps:
        if command != letter or command in "Mmz":
            out.append(command)
            letter, last = command, ""
        for value in numbers:
            joined = not last or value[0] == "-" or (value[0] == "." and "." in last)
            out.append(value if joined else " " + value)
            last = value
    return "".join(out)


def _curve(d, scale, marks):
    """A path with the points that it needs: those left out lie less than CLOSE beside it."""
    values = [abs(float(v)) for v in re.findall(r"-?\d+\.?\d*", d)]
    out = re.sub(r"M [^MQCZ]*", lambda m: _thinned(m[0]), d) if len(values) > 16 and not marks else d
    small = max(values, default=0) < 12  # a mark, which is seen often
    return path(out, scale, digits=int(small), marks=marks)


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


# ---- a figure --------------------------------------------------------------------------------------------------------


def figure(text):
    """The <svg> of one Matplotlib figure: no comments, white space, unseen parts, or groups and ids that nothing needs;
    its coordinates whole numbers, UNITS for a point; images with at most 256 colours as such."""
    root = parsed(re.sub(r"<!--.*?-->|(?<=>)\s+(?=<)", "", text, flags=re.DOTALL))
    for one in root.iter():
        if "style" in one.attrib and one is not root:
            style = re.sub(r"\s*([:;])\s*", r"\1", one.get("style")).rstrip(";")
            one.set("style", style + ";stroke-width:1" * bool("stroke:" in style and "stroke-width" not in style))
    axes = [one for one in root.iter("g") if "matplotlib.axis" in one.get("id", "")]
    legends = [one for one in root.iter("g") if "legend_" in one.get("id", "")]
    empty = {one.get("id", "") for one in root.iter("path") if not one.get("d")}  # such as the letter space
    for parent in root.iter():
        parent[:] = [one for one in parent if one.get("href", "#")[1:] not in empty - {""}
                     and (one.tag != "path" or one.get("d"))]
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', markup(root)))
    for one in root.iter():
        if one.get("id", "") not in used:
            one.attrib.pop("id", None)
    for axis in axes:  # grid, ticks, numbers: so each is said in one go
        axis[:] = sorted(_leaves(axis), key=lambda leaf: {"defs": 0, "path": 1, "use": 2}.get(leaf.tag, 3))
        axis.set("class", "axis")
    for legend in legends:
        legend[:], legend.attrib = list(_leaves(legend)), {"class": KEY}
    root[:] = _leaves(root)
    for axis in axes:
        del axis.attrib["class"]
    _gather(root, {one.get("id"): one for one in root.iter("path") if "id" in one.attrib})
    _unclip(root)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', markup(root)))
    for defs in list(root.iter("defs")):
        defs[:] = [one for one in defs if one.get("id") in used]
    _scale(root, UNITS)
    root.set("viewBox", " ".join(number(float(v) * UNITS, 0) for v in root.get("viewBox").split()))
    return markup(root).replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)


def _leaves(element):
    """What an element holds, taken out of groups that say nothing; what is not seen is left out."""
    for child in element:
        style = child.get("style", "")
        if child.tag == "g" and not child.attrib:
            yield from _leaves(child)
        elif child.tag != "path" or "stroke:" in style or "fill:none" not in style:
            yield child


def _unclip(root):
    """Take the clip path from what lies inside it."""
    inside = {}
    for clip in root.iter("clipPath"):
        for box in clip.iter("rect"):
            x, y, width, height = (float(box.get(k)) for k in ("x", "y", "width", "height"))
            inside[f"url(#{clip.get('id')})"] = (x - CLOSE, y - CLOSE), (x + width + CLOSE, y + height + CLOSE)
    for one in root.iter():
        low, high = inside.get(one.get("clip-path"), (None, None))
        steps = low and _steps(one.get("d") or f"M {one.get('x', 0)} {one.get('y', 0)}")
        if steps and one.tag in ("path", "use"):
            points = np.concatenate([points for _, points in steps])
            if (points >= low).all() and (points <= high).all():
                del one.attrib["clip-path"]


def _gather(element, marks):
    """Let what stands in a row and looks the same be one path: marks as its corners or, ticks, its parts; lines; areas.

    marks: {id: the <path> of a mark}."""
    for child in element:
        if "transform" not in child.attrib:  # else they are letters
            _gather(child, marks)
    out = []
    for (tag, style, clip, mark, _), row in itertools.groupby(list(element), _kind):
        row = list(row)
        said = {"clip-path": clip} if clip else {}
        steps = _steps(marks[mark].get("d")) if mark in marks else None
        if tag == "use" and steps and [command for command, _ in steps] == ["M", "L"]:
            places = [np.array([one.get("x", 0), one.get("y", 0)], float) for one in row]
            line = " ".join(f"{command} {x} {y}" for place in places for command, points in steps
                            for x, y in points + place)
            row = [ElementTree.Element("path", {"d": line, "style": style} | said)]
        elif tag == "use" and steps and len(row) > 2:
            # A marker does not inherit from the path that it stands on, so it says its colour itself.
            filled = "" if re.search(r"(?<![-\w])fill:", style) else "fill:currentColor"
            mark = dict(marks[mark].attrib, style=";".join(filter(None, (marks[mark].get("style"), style, filled))))
            row = _corners(mark, [(one.get("x", 0), one.get("y", 0)) for one in row], said)
        elif tag == "path" and len(row) == 1 and "opacity" not in style and _dots(_steps(row[0].get("d")) or ()):
            places = [points[0] for _, points in _steps(row[0].get("d"))[::2]]
            row = _corners({"d": "M 0 0 L 0 0", "style": style}, places, said)
        elif tag == "path" and "opacity" not in style:
            row = [ElementTree.Element("path", dict(alike[0].attrib, d=" ".join(one.get("d") for one in alike)))
                   for alike in _alike(style, row)]
        out += row
    element[:] = out


def _corners(mark, places, said):
    """A mark, drawn at each corner of one path."""
    name = f"mark-{hashlib.sha256(repr(sorted(mark.items())).encode()).hexdigest()[:8]}"
    corner = ElementTree.Element("marker", {"id": name, "markerUnits": "userSpaceOnUse", "overflow": "visible"})
    corner.append(ElementTree.Element("path", {k: v for k, v in mark.items() if k != "id" and v}))
    defs = ElementTree.Element("defs")
    defs.append(corner)
    line = "M " + " L ".join(f"{x} {y}" for x, y in places)
    style = f"fill:none;stroke:none;marker:url(#{name})"
    return [defs, ElementTree.Element("path", {"d": line, "style": style} | said)]


def _kind(element):
    """What marks or paths in a row have in common: tag, style, clip path, which mark; of anything else, itself."""
    known = element.tag in ("use", "path") and "id" not in element.attrib and "transform" not in element.attrib
    mark = element.get("href", "")[1:] if element.tag == "use" else ""
    return (element.tag, element.get("style", ""), element.get("clip-path", ""), mark, 0 if known else id(element))


def _alike(style, row):
    """Paths of one opaque look in groups that can be one path each: lines, and areas without an edge that go round the
    same way, so that where they overlap they do not cancel."""
    if "fill:none" in style:
        return [row]
    groups = {}
    for i, one in enumerate(row):
        steps, turn = _steps(one.get("d")) or (), 0
        if "stroke:" not in style and sum(command == "M" for command, _ in steps) == 1:
            x, y = np.concatenate([points for _, points in steps]).T
            turn = np.sign(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
        groups.setdefault(turn or f"alone {i}", []).append(one)
    return list(groups.values())


def _scale(element, by):
    """Turn points into whole units, `by` for a point; inside letters, LETTER for a hundredth of their size."""
    for one in element:
        inside, style = by, one.get("style", "")
        if one.tag == "g" and "transform" in one.attrib:
            inside = LETTER
            one.set("transform", _moved(one.get("transform"), by, by / inside))
        elif one.tag == "image":
            one.set("transform", f"scale({by}) " + re.sub(r"-?\d+\.\d+", lambda m: number(float(m[0]), 3),
                                                          one.get("transform", "")))
            one.set("href", _palette(one.get("href")))
        elif one.tag == "path":
            own = one.attrib.pop("transform", "")  # a letter's, from the units of its font
            factor = by * float(own[6:-1]) if own.startswith("scale(") else by
            one.set("d", _curve(one.get("d"), factor, "marker:" in style))
        elif one.tag == "use" and "transform" in one.attrib:
            place = re.fullmatch(r"translate\((\S+) (\S+)\)", one.get("transform"))
            if place:
                del one.attrib["transform"]
                one.attrib |= {k: place[i] for i, k in ((1, "x"), (2, "y")) if float(place[i])}
            else:
                one.set("transform", _moved(one.get("transform"), by, 1))
        if one.tag != "image":
            for key in {"x", "y", "width", "height"} & set(one.attrib):
                one.set(key, number(float(one.get(key)) * by, 0))
        if "stroke" in style:
            one.set("style", SIZES.sub(lambda m: re.sub(r"[\d.]+", lambda v: number(float(v[0]) * by, 0), m[0]), style))
        _scale(one, inside)


def _moved(transform, by, ratio):
    """A transform whose shifts are `by` times as long, and which is `ratio` times as large."""
    def one(match):
        factor, digits = {"translate": (by, 0), "scale": (ratio, 3)}.get(match[1], (1, 2))
        return f"{match[1]}({' '.join(number(float(v) * factor, digits) for v in match[2].split())})"

    return re.sub(r"(\w+)\(([^)]*)\)", one, transform)


def _palette(address):
    """A PNG with at most 256 colours as a table of colours; others as they are. The pixels are the same."""
    from PIL import Image

    if not address.startswith("data:image/png;base64,"):
        return address
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
