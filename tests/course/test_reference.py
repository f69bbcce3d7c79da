"""The reference: a page for each module that users import, with its examples, without warnings, needing no network."""

import re
import warnings
from html.parser import HTMLParser

import pytest

from tinygen import commands
from tinygen.course import lesson, reference, sides

pytest.importorskip("pdoc")
FEW = ["tinygen", "tinygen.check", "tinygen.gaussian", "tinygen.oracles", "tinygen.oracles.quadratic"]


class Page(HTMLParser):
    """The addresses that a page loads or links to, its ids, and its text."""

    def __init__(self, path):
        super().__init__()
        self.loaded, self.links, self.ids, self.text = [], [], [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.links += [attrs["href"]] if tag == "a" and "href" in attrs else []
        self.loaded += [v for k, v in attrs.items() if k == "src" or (k == "href" and tag == "link")]
        self.ids += [attrs["id"]] if "id" in attrs else []

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """The reference of a few modules, built without a warning."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")
        patch.setattr(reference, "modules", lambda: FEW)
        return reference.build(tmp_path_factory.mktemp("reference"), "stamp").parent


def text(folder, name):
    return " ".join("".join(Page(folder / f"{name.replace('.', '/')}.html").text).split())


def test_a_page_has_the_functions_formulas_and_examples_and_hides_what_is_private(few):
    page = Page(few / "tinygen/gaussian.html")
    assert {"log_density", "kl_standard", "sample_cholesky"} <= set(page.ids)
    assert not [name for name in page.ids if re.search("_grad_|_vjp_|^_", name)]
    seen = text(few, "tinygen.gaussian")
    assert "KL = 1/2 sum_i [e^(l_i) - 1 - l_i + m_i^2], l = ln sigma^2" in seen
    assert ">>> float(log_density(np.zeros(1), np.zeros(1), np.zeros(1)).round(6)) -0.918939" in seen
    assert {"check_grad", "Derivation"} <= set(Page(few / "tinygen/check.html").ids)
    assert {"grad", "compile", "vjp"} <= set(Page(few / "tinygen.html").ids)


def test_a_room_lists_its_modules(few):
    assert "quadratic.html" in "".join(Page(few / "tinygen/oracles.html").links)
    assert "score_function" in Page(few / "tinygen/oracles/quadratic.html").ids
    assert "tinygen.oracles.quadratic: " in text(few, "tinygen.oracles")


def test_it_needs_no_network(few):
    for path in few.rglob("*.html"):
        assert not [a for a in Page(path).loaded if re.match(r"(https?:)?//", a)], path
        assert "@import" not in path.read_text(encoding="utf-8")


def test_it_is_built_once_for_each_package(few):
    assert reference.outdated(few, "another") and not reference.outdated(few, "stamp")


def test_without_pdoc_it_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "pdoc", None)
    assert commands.main(["reference", str(tmp_path)]) == 2
    assert 'pip install "tinygen[docs]"' in capsys.readouterr().err


def test_the_course_links_to_it_where_it_is():
    lessons = [lesson.read(lesson.catalogue()[0])]
    assert f'href="{reference.FIRST}"' in sides.page("index", lessons, reference=True)
    assert "reference" not in re.sub(r"<style>.*?</style>", "", sides.page("index", lessons), flags=re.S)


@pytest.mark.parametrize(("docstring", "wanted"), [
    ("KL.\n\nKL = a * b\n\nIn nats, 2**n.", "KL.\n\n```text\nKL = a * b\n```\n\nIn nats, 2\\*\\*n."),
    ("One.\n\n$\\beta_t = 1$ (so it\nis).", "One.\n\nβₜ = 1 (so it\nis)."),
    ("One.\n\n| a | b |\n|---|---|\n| $q(z \\mid x)$ | p(x|z), q |",
     "One.\n\n| a | b |\n|---|---|\n| q(z∣ x) | p(x∣z), q |"),
    ("One.\n\nA sentence that goes on, z = 1, into a formula below, as it does for any q", None),
    ("One.\n\n>>> 1 * 1\n1", "One.\n\n```pycon\n>>> 1 * 1\n1\n```"),
    ("One.\n\nx: (B, D). y, z: `a*b`, a < b. Returns (B,).",
     "One.\n\n\n\n- `x`: (B, D).\n- `y`, `z`: `a*b`, a &lt; b.\n\nReturns (B,)."),
])
def test_plain_text_becomes_markdown(docstring, wanted):
    assert reference.markdown(docstring, ["x", "y", "z"]) == (docstring if wanted is None else wanted)


@pytest.mark.slow
def test_no_page_is_empty_and_no_link_is_dead(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reference.build(tmp_path)
    pages = {path.resolve(): Page(path) for path in tmp_path.rglob("*.html")}
    assert len(pages) == len(reference.modules()) + 1  # and the index
    for path, page in pages.items():
        own = [name for name in page.ids if not name.endswith("-view-source")]
        assert path.name == "index.html" or len(own) > 2 or "Submodules" in page.text, f"{path} is empty"
        for link in page.links:
            target, _, section = link.partition("#")
            if not re.match("https?:", link):
                there = (path.parent / target).resolve() if target else path
                assert there in pages, f"{path}: {link}"
                assert not section or section in pages[there].ids, f"{path}: {link}"
