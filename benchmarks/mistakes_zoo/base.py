"""What a derivation of the zoo is: a function, its backward pass, and the slips that people make in that very pass.

A backward pass takes the arguments of its function and `slip`, the name of the line that goes wrong ("" for none). It
returns a dict with one gradient for each argument that is checked. A slip lies in the calculus,
so one slip spoils as many
gradients as it would on paper.
"""

from dataclasses import dataclass, field
from inspect import signature

# Fixed before the first rule of the diagnosis was written: these are measured, and their failures are not read.
HELD_OUT = frozenset(
    {
        "coupling_flow",
        "kl_cholesky",
        "mixture",
        "iwae",
        "rnn",
        "denoising_score",
        "bernoulli_elbo",
        "contrastive",
        "poisson",
        "student_t",
    }
)


# One wrong local derivative can be told in each of these ways (a term is missing; a path through an operation is; a
# factor of the chain rule is; f has another operand), and each that reproduces all numbers is right.
CALCULUS = frozenset({"term", "path", "chain-factor", "mean-term", "other-point"})


@dataclass(frozen=True)
class Slip:
    """A planted mistake: its name, the kinds of diagnosis that count as right,
    a pattern that the sentence must match."""

    name: str
    kinds: frozenset
    says: str = ""
    never: str = ""  # a pattern of what would be false
    source: str = ""


@dataclass(frozen=True)
class Subject:
    """A function, its backward pass, an example point drawn from a generator, and the slips of its backward pass."""

    f: object
    backward: object
    example: object
    slips: tuple = field(default=())
    called: str = ""
    family: str = "home"

    @property
    def name(self):
        """What it is called, else the function's name."""
        return self.called or self.f.__name__

    @property
    def names(self):
        """The names of all arguments."""
        return tuple(signature(self.f).parameters)

    @property
    def held_out(self):
        """Whether the rules were written without a look at this derivation's failures."""
        return self.name in HELD_OUT


ZOO, PUBLIC = [], []


def derivation(f, backward, example, **slips):
    """Add a function to the zoo; each slip is (kinds, separated by blanks, pattern)."""
    found = []
    for name, (kinds, says) in slips.items():
        kinds = frozenset(kinds.split())
        found.append(Slip(name, kinds | CALCULUS if kinds & CALCULUS else kinds, says))
    ZOO.append(Subject(f, backward, example, tuple(found)))


def public(f, backward, example, *, name="", unseen=False, **slips):
    """Add a function to the public mistakes; each slip is (pattern, pattern of what would be false, source).

    unseen: invented before the rules were written, and counted apart.
    """
    found = tuple(Slip(slip, frozenset(), *told) for slip, told in slips.items())
    PUBLIC.append(Subject(f, backward, example, found, name, "unseen" if unseen else "public"))
