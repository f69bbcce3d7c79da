"""Matplotlib figures for pages: SVG in the page's own colours, the same bytes each time, alone or behind a slider."""

import html
import io
import json
import re
from dataclasses import dataclass

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
MOST_FRAMES = 40


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
    names = [f"--c{i}" for i in range(len(PALETTE))] + ["--rule"]
    pairs = [*PALETTE, RULE]
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
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Letters keep their ids: they are the same in every figure, and a page holds each once (pages.share).
    text = re.sub(r'\bid="(?!DejaVu)', f'id="{name}-', text)
    text = re.sub(r'(url\(#|href="#)(?!DejaVu)', rf"\g<1>{name}-", text)
    colours = {"#000000": "currentColor", "#ffffff": "var(--page, #ffffff)", RULE[0]: f"var(--rule, {RULE[0]})"}
    colours |= {light: f"var(--c{i}, {light})" for i, (light, _) in enumerate(PALETTE)}
    text = re.sub(r"(?<=: )#[0-9a-f]{6}\b", lambda m: colours.get(m[0], m[0]), text)
    width, height = (float(v) for v in re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', text).groups())
    head = ('<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
            f'fill="currentColor" viewBox="0 0 {width:g} {height:g}" width="{1.5 * width:g}" height="{1.5 * height:g}" '
            f'aria-label="{html.escape(_label(figure))}">')
    return head + text[text.index(">") + 1:].rstrip()


def _label(figure):
    """What a screen reader says of the figure: its titles and the names of its axes."""
    titles = [figure.get_suptitle()] + [axes.get_title() or axes.get_title("left") for axes in figure.axes]
    names = [f"{axes.get_ylabel()} against {axes.get_xlabel()}" for axes in figure.axes
             if axes.get_xlabel() and axes.get_ylabel()]
    return "Figure: " + ("; ".join(filter(None, titles + names)) or "no title")


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
            frames.append(f'<div class="frame"{" hidden" if i else ""}>{svg(figure, f"{name}-{i}")}</div>')
            places = places or [axes.get_position() for axes in figure.axes]
            plt.close(figure)
        # The handlers stand in the element, so that a notebook can show it too.
        show = ("const p=this.closest('.player'),i=p.querySelector('input');"
                "p.querySelectorAll('.frame').forEach((f,k)=>f.hidden=k!=i.value);"
                "p.querySelector('output').value=JSON.parse(p.dataset.labels)[i.value];")
        run = ("const p=this.closest('.player'),i=p.querySelector('input'),b=this;"
               "if(p.timer){clearInterval(p.timer);p.timer=0;b.textContent='Play';return}"
               "if(i.value==i.max){i.value=0;i.oninput()}b.textContent='Stop';"
               "p.timer=setInterval(()=>{i.value++;i.oninput();"
               "if(i.value==i.max){clearInterval(p.timer);p.timer=0;b.textContent='Play'}},150)")
        button = f'<button type="button" onclick="{run}">Play</button>' if self.play else ""
        known = html.escape(json.dumps(labels, ensure_ascii=False))
        return (f'<div class="player" data-labels="{known}">{"".join(frames)}<div class="controls">'
                f'{button}<input type="range" min="0" max="{len(frames) - 1}" value="0" '
                f'aria-label="{html.escape(labels[0])} to {html.escape(labels[-1])}" oninput="{show}">'
                f"<output>{html.escape(labels[0])}</output></div></div>")
