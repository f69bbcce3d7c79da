"""A page is one file: it loads nothing, hides its solutions, and is written whole or not at all."""

import os
import re
from html.parser import HTMLParser

import pytest

from tinygen.course import lesson, pages
from tinygen.course.drawing import render

VOID = {"meta", "input", "br", "hr", "img", "link"}


class Checker(HTMLParser):
    """Sees that tags nest, and collects addresses, ids and visible text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.addresses, self.ids, self.text, self.bad = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.addresses += [v for k, v in attrs.items() if k in ("href", "src", "xlink:href", "action", "srcset") and v]
        self.ids += [attrs["id"]] if "id" in attrs else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.bad.append(tag)

    def handle_data(self, data):
        if not {"style", "script", "title"} & set(self.open):
            self.text.append(data)


@pytest.fixture
def page(lesson_file):
    read = lesson.read(lesson_file())
    return pages.page(read, list(lesson.run(read)))


def test_tags_nest_and_ids_that_are_used_exist_once(page):
    seen = Checker(page)
    assert seen.bad == [] and seen.open == []
    used = {a[1:] for a in seen.addresses if a.startswith("#")} | set(re.findall(r"url\(#([^)]+)\)", page))
    for name in used:
        assert seen.ids.count(name) == 1, name


def test_every_letter_of_every_formula_has_its_shape():
    body = "".join(render.math(latex, True) for latex in (r"\cos x", r"\log p", r"\max_k \sin x", "x^2"))
    seen = Checker(pages.document("t", body))
    assert {a[1:] for a in seen.addresses} - {"main"} <= set(seen.ids) and len(seen.ids) == len(set(seen.ids))


def test_a_page_loads_nothing(page):
    assert all(a.startswith(("#", "data:image/png;base64,")) for a in Checker(page).addresses)
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest|import\(", page)
    assert "default-src 'none'" in page


def test_a_page_shows_text_code_output_pictures_and_verdict(page):
    text = "".join(Checker(page).text)
    assert "1 · Squares" in text and "first True" in text and "square: PASS" in text and "1 of 1 pass" in text
    assert "finish(globals())" not in text and page.count("<figure ") == 1 and 'class="player"' in page
    assert not re.search(r"\\(begin|frac|geq|\\)|\$", text)


def test_the_solution_is_folded_and_the_stub_is_shown(page):
    before, after = page.split('<details class="solution">')
    assert "secret" not in before and "is not written yet" in before
    assert "secret" in after.split("</details>")[0]
    assert "SOLUTION" not in page


def test_a_failing_cell_is_shown_on_the_page(lesson_file):
    read = lesson.read(lesson_file("# %% [markdown]\n# # T\n\n# %%\nprint('<x>')\n1 / 0\n"))
    out = pages.page(read, list(lesson.run(read)))
    assert "&lt;x&gt;" in out and 'class="error scrolls"' in out and "ZeroDivisionError" in out


def test_links_lead_to_the_neighbours(lesson_file):
    read = lesson.read(lesson_file())
    out = pages.page(read, [], {"next": ("02_b.html", "2 · B"), "index": ("index.html", "All lessons")})
    assert out.count('href="02_b.html"') == 3 and "2 · B →" in out and 'class="previous"' not in out


def test_the_same_run_gives_the_same_bytes(lesson_file):
    read = lesson.read(lesson_file())
    assert len({pages.page(read, list(lesson.run(read))) for _ in range(2)}) == 1


def test_write_replaces_whole_files_and_leaves_no_drafts(tmp_path):
    target = tmp_path / "deep" / "er" / "page.html"
    pages.write(target, "one")
    pages.write(target, "two é")
    assert target.read_text(encoding="utf-8") == "two é" and os.listdir(target.parent) == ["page.html"]


def test_an_interrupted_write_keeps_the_old_page(tmp_path, monkeypatch):
    target = tmp_path / "page.html"
    pages.write(target, "old")

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        pages.write(target, "new")
    assert target.read_text() == "old" and os.listdir(tmp_path) == ["page.html"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    for act in (lambda: pages.write(tmp_path / "file" / "page.html", ""), lambda: pages.writable(tmp_path / "file")):
        with pytest.raises(lesson.LessonError, match=r"cannot write .*name another folder with --out DIR"):
            act()
