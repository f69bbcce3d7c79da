"""Matplotlib figures for pages: SVG in the page's own colours, the same bytes each time, alone or behind a slider."""

import html
import io
import re
from dataclasses import dataclass

from tinygen.course.drawing import slim
from tinygen.course.drawing.describe import describe

# One colour of the light page, one of the dark page: a figure is drawn in the first, and the page's style sheet swaps.
PALETTE = (
    ("#2563b0", "#7fb2ff"),  # blue
    ("#c2570c", "#ffa657"),  # orange
    ("#1a7f37", "#5fd38a"),  # green
    ("#c0264a", "#ff7b93"),  # red
    ("#7a3fb8", "#c9a0ff"),  # purple
    ("#0e7c86", "#4fd0d9"),  # teal
    ("#8a5a2b", "#d9b08c"),  # brown
    ("#b8378c", "#ff9bd8"),  # pink
    ("#667078", "#a9b3bb"),  # grey
    ("#7d7a00", "#d6d25a"),  # olive
)
RULE = ("#cfd4d9", "#3c444d")  # grid lines
PALE = ("#b4bbc2", "#78828c")  # what lies in the background: data behind the samples of a model
MOST_FRAMES = 40
NARROW = 0.85  # pixels for a point, at least: letters of 10 points are then 8.5 pixels high


def style():
    """Matplotlib's settings for a figure on a page: no background, the palette, text as dark as the page's text."""
    from cycler import cycler

    return {
        "figure.facecolor": "none", "axes.facecolor": "none", "legend.facecolor": "none", "legend.edgecolor": RULE[0],
        "axes.prop_cycle": cycler(color=[light for light, _ in PALETTE]), "grid.color": RULE[0], "axes.grid": False,
        "axes.spines.top": False, "axes.spines.right": False, "figure.figsize": (5.6, 3.2), "font.size": 10.0,
        "figure.constrained_layout.use": True, "image.cmap": "viridis", "axes.axisbelow": True,
    }


def css():
    """The palette as custom properties: (for the light page, for the dark page)."""
    names = [f"--c{i}" for i in range(len(PALETTE))] + ["--rule", "--pale"]
    pairs = [*PALETTE, RULE, PALE]
    return tuple(" ".join(f"{n}: {pair[k]};" for n, pair in zip(names, pairs)) for k in (0, 1))


def svg(figure, name):
    """`figure` as an <svg> element to stand in a page; `name` keeps its ids apart from those of other figures.

    Black becomes the colour of the text around it, white that of the page, and the palette follows the page's theme.
    The same figure and name give the same bytes.
    """
    import matplotlib

    out = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure.savefig(out, format="svg", transparent=True,
                       metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = out.getvalue()
    text = text[text.index("<svg "):]
    text = re.sub(r"\s*<metadata>.*?</metadata>|\s*<style .*?</style>", "", text, flags=re.DOTALL)
    # Letters keep their ids: they are the same in every figure, and a page holds each once (pages.share).
    text = re.sub(r'\bid="(?!DejaVu)', f'id="{name}-', text)
    text = re.sub(r'(url\(#|href="#)(?!DejaVu)', rf"\g<1>{name}-", text)
    colours = {"#000000": "currentColor", "#ffffff": "var(--page, #ffffff)", RULE[0]: f"var(--rule, {RULE[0]})",
               PALE[0]: f"var(--pale, {PALE[0]})"}
    colours |= {light: f"var(--c{i}, {light})" for i, (light, _) in enumerate(PALETTE)}
    text = re.sub(r"(?<=: )#[0-9a-f]{6}\b", lambda m: colours.get(m[0], m[0]), text)
    width, height = (float(v) for v in re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', text).groups())
    # Not narrower than its letters stay readable: on a phone a wide figure moves in its frame.
    size = f'width="{1.5 * width:g}" height="{1.5 * height:g}" style="min-width:{min(NARROW, 1.5) * width:.0f}px"'
    head = ('<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
            f'fill="currentColor" stroke-linejoin="round" viewBox="0 0 {width:g} {height:g}" {size} '
            f'aria-label="{html.escape(describe(figure))}">')
    return slim.figure(head + text[text.index(">") + 1:].rstrip())


@dataclass
class Picture:
    """An SVG that something else has drawn, such as ``tg.trace(f)(x).diagram()``, shown by notebooks and pages."""

    svg: str

    def _repr_html_(self):
        return self.svg


@dataclass
class Slider:
    """Figures behind a slider: `draw(value)` returns the figure for each of `values`; shown by notebooks and pages.

    label: a format string for the value, such as ``"t = {:.2f}"``. play: also a button that runs through the frames.
    Nothing is drawn until it is shown. At most 40 values. Raises ValueError for none and for more than 40.
    """

    draw: object
    values: object
    label: str = "{}"
    play: bool = False

    def __post_init__(self):
        self.values = list(self.values)
        if not 1 <= len(self.values) <= MOST_FRAMES:
            raise ValueError(f"Slider: {len(self.values)} values; a page takes 1 to {MOST_FRAMES}")

    def _repr_html_(self):
        import matplotlib.pyplot as plt

        labels = [self.label.format(v) for v in self.values]
        frames, name = [], "s" + re.sub(r"\W+", "-", labels[0] + labels[-1])
        places = []
        for i, value in enumerate(self.values):
            figure = self.draw(value)
            if len(places) == len(figure.axes):  # axes stay where the first frame has them; laying out takes long, too
                figure.set_layout_engine("none")
                for axes, place in zip(figure.axes, places):
                    axes.set_position(place)
            caption = f'<p class="at">{html.escape(labels[i])}</p>'
            drawn = svg(figure, f"{name}-{i}")
            frames.append(f'<div class="frame scrolls" tabindex="0"{" hidden" if i else ""}>{drawn}{caption}</div>')
            places = places or [axes.get_position() for axes in figure.axes]
            plt.close(figure)
        # The handlers stand in the element, so that a notebook can show it too.
        show = ("const p=this.closest('.player'),f=p.querySelectorAll('.frame');f.forEach((e,k)=>e.hidden=k!=value);"
                "this.ariaValueText=p.querySelector('output').value=f[value].lastElementChild.textContent")
        run = ("const i=this.nextElementSibling,end=()=>{clearInterval(i.timer);i.timer=0;this.textContent='Play'};"
               "if(i.timer){end();return}if(i.value==i.max)i.value=-1;this.textContent='Stop';"
               "i.timer=setInterval(()=>{i.value++;i.oninput();if(i.value==i.max)end()},150)")
        button = f'<button type="button" onclick="{run}">Play</button>' if self.play and len(frames) > 1 else ""
        first, last = html.escape(labels[0]), html.escape(labels[-1])
        return (f'<div class="player"><div class="frames">{"".join(frames)}</div><div class="controls">'
                f'{button}<input type="range" min="0" max="{len(frames) - 1}" value="0" aria-valuetext="{first}" '
                f'aria-label="{first} to {last}" oninput="{show}"><output>{first}</output></div></div>')
