"""Every page in a real browser, without network: nothing missing, nothing raw, everything that moves moves."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tinygen.course import lesson, pages, sides

pytestmark = pytest.mark.browser
HEAVIEST = 375_000  # bytes of a page; the aim is 300_000
PAGES = [p.stem for p in lesson.catalogue()]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1100, 390])
@pytest.mark.parametrize("name", [*PAGES, *sides.SIDES])
def test_a_page_looks_right(name, width, dark, site, chromium):
    folder, _ = site
    chromium.open((folder / f"{name}.html").resolve().as_uri(), width, dark)
    assert chromium.js("document.documentElement.dataset.theme") == ("dark" if dark else "light")
    assert chromium.js("document.documentElement.scrollWidth") <= width, "the page is wider than the window"
    without_code = "e => { e = e.cloneNode(true); e.querySelectorAll('code').forEach(c => c.remove()); return e }"
    shown = chromium.js("[...document.querySelectorAll('.prose')]"
                        f".map({without_code}).map(e => e.textContent).join(' ')")
    assert len(shown) > 100 and "$" not in shown and not re.search(r"\\[a-zA-Z]+", shown), "raw LaTeX"
    # Each formula and each letter in it has a size, and its shapes are there.
    assert chromium.js("[...document.querySelectorAll('.tex')]"
                       ".every(e => !e.checkVisibility() || e.getBoundingClientRect().width > 1)")
    assert chromium.js("[...document.querySelectorAll('use')].every(e =>"
                       " document.getElementById((e.getAttribute('href') || e.getAttribute('xlink:href')).slice(1)))")
    assert chromium.complaints() == []


@pytest.mark.parametrize("name", PAGES)
def test_what_moves_moves(name, site, chromium):
    folder, _ = site
    chromium.open((folder / f"{name}.html").resolve().as_uri())
    for i in range(chromium.js("document.querySelectorAll('.player').length")):
        player = f"document.querySelectorAll('.player')[{i}]"
        seen = f"[...{player}.querySelectorAll('.frame')].findIndex(f => f.getBoundingClientRect().height > 0)"
        assert chromium.js(seen) == 0
        last = chromium.js(f"(i => {{ i.value = i.max; i.dispatchEvent(new Event('input')); return +i.max }})"
                           f"({player}.querySelector('input'))")
        assert chromium.js(seen) == last > 0
        if chromium.js(f"!!{player}.querySelector('button')"):
            chromium.js(f"{player}.querySelector('button').click()")
            chromium.js("new Promise(done => setTimeout(done, 400))")
            assert 0 < chromium.js(seen) < last or last == 1
            chromium.js(f"{player}.querySelector('button').click()")
    hidden = "document.querySelector('.solution .code')?.checkVisibility()"
    assert chromium.js(hidden) is False
    chromium.js("document.querySelector('.solution summary').click()")
    assert chromium.js(hidden) is True
    colour = "getComputedStyle(document.body).backgroundColor"
    before = chromium.js(colour)
    chromium.js("document.querySelector('.theme').click()")
    assert chromium.js(colour) != before
    chromium.js("document.querySelector('.theme').click()")
    chromium.js("document.querySelector('.copy').click()")
    chromium.js("new Promise(done => setTimeout(done, 100))")
    assert chromium.js("document.querySelector('.copy').textContent") in ("Copied", "Not copied")
    assert chromium.complaints() == []


# Complaints about what a reader could not see: nothing may run off the page, and what moves in its box must say so.
UNSEEN = """(() => {
  const said = [], wide = innerWidth, box = (e) => e.getBoundingClientRect();
  const boxes = [...document.querySelectorAll('.scrolls')];
  const name = (e) => `${e.tagName}.${e.className.baseVal ?? e.className} ${e.textContent.slice(0, 50)}`;
  for (const e of boxes) if (e.scrollWidth > e.clientWidth + 1) {
    const style = getComputedStyle(e);
    if (!/gradient/.test(style.backgroundImage) || e.tabIndex !== 0) said.push('no cue: ' + name(e));
    if (e.matches('.math, .derived') || e.querySelector('.math, .derived')) said.push('a formula scrolls: ' + name(e));
  }
  for (const e of document.querySelectorAll('.tex, .tag, .derived td, h1, h2, p, li, pre, figure, table, .player')) {
    const { left, right, width } = box(e), inside = e.closest('.scrolls');
    if (width && e.checkVisibility() && (!inside || inside === e) && (left < -1 || right > wide + 1))
      said.push('runs off: ' + name(e));
  }
  for (const block of document.querySelectorAll('.math, .derived')) {
    const drawn = [...block.querySelectorAll('.tex')].map(box).filter((b) => b.width);
    drawn.forEach((a, i) => drawn.slice(i + 1).forEach((b) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 1 && down > 1) said.push(`lines overlap by ${down}: ` + name(block));
    }));
  }
  for (const e of document.querySelectorAll('figure svg, .frame:not([hidden]) svg'))  // 1.5 pixels for a point
    if (box(e).width / (e.getAttribute('width') / 1.5) < 0.8) said.push('letters too small: ' + e.ariaLabel);
  return said;
})()"""


@pytest.mark.parametrize("width", [390, 800, 1400])
@pytest.mark.parametrize("name", [*PAGES, *sides.SIDES, "notes"])
def test_nothing_runs_off_and_no_lines_overlap(name, width, site, chromium):
    folder, _ = site
    chromium.open((folder / f"{name}.html").resolve().as_uri(), width)
    assert chromium.js("document.scrollingElement.scrollWidth <= innerWidth")
    assert chromium.js(UNSEEN) == []


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The source of axe-core, which finds what keeps people with disabilities from using a page; or a skip."""
    here = Path("node_modules/axe-core/axe.min.js")
    if not here.is_file():
        folder = tmp_path_factory.mktemp("axe")
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("no axe-core in node_modules, and no npm to get it with")
        try:
            subprocess.run([npm, "install", "--prefix", folder, "--no-fund", "--no-audit", "axe-core"], check=True,
                           capture_output=True, timeout=90)
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"npm could not install axe-core: {error}")
        here = folder / "node_modules" / "axe-core" / "axe.min.js"
    return here.read_text(encoding="utf-8")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", [*PAGES, *sides.SIDES, "notes"])
def test_axe_finds_nothing_serious(name, dark, site, chromium, axe):
    folder, _ = site
    chromium.open((folder / f"{name}.html").resolve().as_uri(), dark=dark)
    chromium.js(axe + "; 0")
    found = chromium.js("axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations"
                        ".filter((v) => ['serious', 'critical'].includes(v.impact))"
                        ".map((v) => `${v.id}: ${v.nodes.length} times, ${v.nodes[0].html.slice(0, 200)}`))")
    assert found == []
    ids = chromium.js("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids)), "an id stands twice"


@pytest.mark.parametrize("name", PAGES)
def test_a_slider_says_its_value_in_words(name, site, chromium):
    folder, _ = site
    chromium.open((folder / f"{name}.html").resolve().as_uri())
    said = chromium.js("""[...document.querySelectorAll('.player')].map((p) => {
      const i = p.querySelector('input');
      const at = (k) => { i.value = k; i.dispatchEvent(new Event('input')); return i.getAttribute('aria-valuetext'); };
      return [at(0), at(i.max), p.querySelector('output').value];
    })""")
    assert all(first and first != last == shown for first, last, shown in said)


@pytest.mark.parametrize("name", PAGES)
def test_without_a_script_nothing_is_dead_and_all_frames_are_there(name, site, chromium):
    folder, _ = site
    chromium.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.open((folder / f"{name}.html").resolve().as_uri(), dark=True)
        seen = "[...document.querySelectorAll('{}')].filter((e) => e.checkVisibility()).length"
        frames = chromium.js("document.querySelectorAll('.frame').length")
        shown = [chromium.js(seen.format(what)) for what in ("button, input", ".frame svg", ".frame .at")]
        assert shown == [0, frames, frames]
        assert chromium.js("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)", "dark as asked for"
        assert chromium.js("document.scrollingElement.scrollWidth <= innerWidth")
    finally:
        chromium.send("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("name", PAGES)
def test_printed_code_wraps_and_the_bars_stay_away(name, site, chromium):
    folder, _ = site
    chromium.open((folder / f"{name}.html").resolve().as_uri(), width=720)
    chromium.send("Emulation.setEmulatedMedia", media="print")
    try:
        assert chromium.js("[...document.querySelectorAll('nav, button, .contents, input')]"
                           ".every((e) => !e.checkVisibility())")
        assert chromium.js("[...document.querySelectorAll('pre')].filter((e) => e.scrollWidth > e.clientWidth + 1)"
                           ".map((e) => e.textContent.slice(0, 60))") == []
        assert chromium.js("document.scrollingElement.scrollWidth <= innerWidth")
    finally:
        chromium.send("Emulation.setEmulatedMedia", media="")


@pytest.mark.parametrize("name", [*PAGES, *sides.SIDES, "notes"])
def test_a_page_is_light(name, site):
    folder, _ = site
    size = (folder / f"{name}.html").stat().st_size
    assert size < HEAVIEST, f"{size / 1000:.0f} KB"


def test_the_script_of_a_page_is_short():
    lines = (pages.HERE / "page.js").read_text(encoding="utf-8").splitlines()
    assert len(lines) + 9 <= 40, "9 lines are those of a player, in pictures.py"
