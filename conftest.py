"""What `pytest lessons/NN.py` says first: that this is the lesson with its solutions."""

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    named = [argument.split("::")[0] for argument in session.config.args if argument.partition("::")[0].endswith(".py")]
    if reporter and named:
        from tinygen.course.exercises import with_solutions

        for words in filter(None, map(with_solutions, named)):
            reporter.write_line(words)
    return (yield)
