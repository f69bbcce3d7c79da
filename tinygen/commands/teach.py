"""Hand out lessons, collect what comes back, grade it: a course is one folder with one file to edit, course.toml.

    tinygen teach new COURSE                     write COURSE/course.toml: lessons, weights, deadlines
    tinygen teach assign COURSE                  write COURSE/assignments.zip: hand this out
    tinygen teach grade COURSE SUBMISSIONS       a folder or zip as a learning system exports it -> COURSE/marks/
    tinygen teach simulate COURSE SUBMISSIONS    a class of made-up students, to try all this with
    tinygen teach moodle COURSE                  the marks as a CSV that Moodle imports
    tinygen teach gradescope COURSE OUT          the archive that Gradescope's autograder wants
    tinygen teach classroom COURSE FOLDER        the starter repository for a GitHub Classroom, with its workflow

Exit status: 0 if everything that was handed in was judged, 1 if something could not be, 2 for unusable arguments.
"""

import sys
from pathlib import Path


def add_arguments(parser):
    """The arguments of `tinygen teach`."""
    import argparse

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    new = actions.add_parser("new", help="write a course: course.toml and a README")
    new.add_argument("course", type=Path, metavar="COURSE")
    new.add_argument("--lessons", type=int, nargs="+", metavar="N", help="numbers of lessons (default: all)")
    assign = actions.add_parser("assign", help="write assignments.zip, the lessons without solutions")
    assign.add_argument("course", type=Path, metavar="COURSE")
    grade = actions.add_parser("grade", help="judge what was handed in; write marks.csv, marks.json and pages")
    grade.add_argument("course", type=Path, metavar="COURSE")
    grade.add_argument("submissions", type=Path, metavar="SUBMISSIONS", help="a folder or a zip")
    grade.add_argument("--out", type=Path, metavar="DIR", help="where the marks go (default: COURSE/marks)")
    grade.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each processor)")
    grade.add_argument("--dask", metavar="ADDRESS", help="the address of a Dask scheduler, whose workers judge")
    grade.add_argument("--similar", action="store_true", help="list files that are much alike (needs copydetect)")
    grade.add_argument("--without-isolation", action="store_true", help="do not use bubblewrap even where it is there")
    simulate = actions.add_parser("simulate", help="write a class of made-up students")
    simulate.add_argument("course", type=Path, metavar="COURSE")
    simulate.add_argument("submissions", type=Path, metavar="SUBMISSIONS", help="a folder that is not there yet")
    simulate.add_argument("--students", type=int, default=30, metavar="N", help="how many (default 30)")
    simulate.add_argument("--seed", type=int, default=0, help="another seed, another class (default 0)")
    moodle = actions.add_parser("moodle", help="the marks as a CSV for Moodle's grade import")
    moodle.add_argument("course", type=Path, metavar="COURSE")
    moodle.add_argument("--marks", type=Path, metavar="DIR", help="where the marks are (default: COURSE/marks)")
    gradescope = actions.add_parser("gradescope", help="the archive for Gradescope's autograder")
    gradescope.add_argument("course", type=Path, metavar="COURSE")
    gradescope.add_argument("out", type=Path, metavar="OUT", help="the zip to write")
    classroom = actions.add_parser("classroom", help="the starter repository for a GitHub Classroom")
    classroom.add_argument("course", type=Path, metavar="COURSE")
    classroom.add_argument("folder", type=Path, metavar="FOLDER", help="where the repository's files are written")


def run(arguments):
    """Do what `arguments` ask for; returns the exit status."""
    from tinygen.course.lesson import LessonError
    from tinygen.teaching.course import CourseError

    try:
        return globals()[f"_{arguments.action}"](arguments)
    except (CourseError, LessonError) as error:
        print(f"tinygen teach: {error}", file=sys.stderr)
    except OSError as error:
        print(f"tinygen teach: {error.filename or ''} {error.strerror or error}".strip(), file=sys.stderr)
    except ImportError as error:
        extra = {"copydetect": "similarity", "distributed": "dask"}.get(error.name, "teach")
        print(f"tinygen teach: {error.name} is missing: pip install 'tinygen[{extra}]'", file=sys.stderr)
    return 2


def _new(arguments):
    from tinygen.teaching import course

    path = course.new(arguments.course, arguments.lessons)
    print(f"{path}\nEdit it (weights, deadlines), then: tinygen teach assign {arguments.course}")
    return 0


def _assign(arguments):
    from tinygen.teaching import assign, course

    read = course.read(arguments.course)
    what = f"{len(read.lessons)} lessons without solutions, as .py and .ipynb"
    if read.variants or read.hunt:
        what = f"{what}, for {len(read.students)} students a zip of their own"
    print(f"{assign.assign(read)}\n{what}. Hand this out.")
    return 0


def _grade(arguments):
    from tinygen.teaching import course, grade, simulate

    read = course.read(arguments.course)
    out = arguments.out or arguments.course / "marks"
    isolate = not arguments.without_isolation
    graded = grade.grade(
        read, arguments.submissions, out, workers=arguments.workers, dask=arguments.dask, isolate=isolate
    )
    if arguments.similar:
        from tinygen.teaching.similarity import alike

        graded.alike = alike(graded)
    grade.write(graded, out)
    for student in graded.students:
        print(f"{grade.plain(student):40} {100 * graded.total(student):5.1f} %")
    for one in graded.collected.replaced:
        print(f"{grade.plain(one.student)}: {grade.plain(one.named)} is replaced by a later one")
    for share, number, one, other in graded.alike:
        print(f"much alike, to be looked at: lesson {number}, {grade.plain(one)} and {grade.plain(other)}: {share:.0%}")
    for name, why in graded.collected.unknown:
        print(f"not judged: {grade.plain(name)}: {grade.plain(why)}")
    if graded.marked and not all(marked.verdict.isolated for marked in graded.marked.values()):
        print("Judged without isolation: install bubblewrap (Debian: apt-get install bubblewrap), and grade again.")
    print(f"{len(graded.students)} students, {len(graded.marked)} files: {out / 'marks.csv'}, {out / 'index.html'}")
    if simulated := simulate.agreement(graded, arguments.submissions):
        print("A simulated class: {marks} of {answers} marks are as they should be, {accused} of {right} right answers "
              "are accused; where a mistake is named, it is the planted one {planted} of {named} times."
              .format(**simulated[0]))  # fmt: skip
    unjudged = [one for one in graded.marked.values() if not one.verdict.exercises]
    return 1 if unjudged or graded.collected.unknown or not graded.marked else 0


def _simulate(arguments):
    from tinygen.teaching import course, simulate

    read = course.read(arguments.course)
    out = simulate.simulate(read, arguments.submissions, arguments.students, arguments.seed)
    print(f"{out}\n{arguments.students} students. To grade them: tinygen teach grade {arguments.course} {out}")
    return 0


def _moodle(arguments):
    from tinygen.teaching import exports

    print(exports.moodle(arguments.marks or arguments.course / "marks"))
    return 0


def _gradescope(arguments):
    from tinygen.teaching import course, exports

    print(exports.gradescope(course.read(arguments.course), arguments.out))
    return 0


def _classroom(arguments):
    from tinygen.teaching import course, exports

    print(exports.classroom(course.read(arguments.course), arguments.folder))
    return 0
