"""The list of all families of mistakes: each is one file in families/ with decorated functions, found by itself."""

import importlib
import pkgutil
from dataclasses import dataclass

TIERS = {"simple": 5, "structured": 5, "searched": 11, "far": 0}  # tier -> bits below which the next is not asked
FAMILIES = []


@dataclass(frozen=True)
class Family:
    """`guesses(case)` yields Guesses. tier: when it is asked. inside: also asked about one term of a loss alone."""

    guesses: object
    tier: str
    inside: bool


def family(tier, *, inside=False):
    """Register a generator of Guesses about a Case: a decorator.

    tier: "simple" (numbers and fields), "structured" (regions, terms, other arguments), "searched" (one wrong step of
    the chain rule, another point), "far" (another function). A tier is asked if the ones before explain nothing simply.
    """
    if tier not in TIERS:
        raise ValueError(f"tier must be one of {', '.join(TIERS)}, got {tier!r}")

    def register(guesses):
        FAMILIES.append(Family(guesses, tier, inside))
        return guesses

    return register


def families(tier=None, *, inside=False):
    """All families of a tier (None: of all), in the order of their files; with `inside`, those that fit one term."""
    from tinygen.mistakes import families as folder

    for module in pkgutil.iter_modules(folder.__path__):
        importlib.import_module(f"{folder.__name__}.{module.name}")
    return [found for found in FAMILIES if tier in (None, found.tier) and found.inside >= inside]
