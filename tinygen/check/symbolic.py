"""Equations in place of code: SymPy expressions, and LaTeX as SymPy's own parser reads it (extra `symbolic`)."""

import inspect
import keyword
import re
import warnings

import numpy as np

BAR = 2e-8  # what an integral by quadrature may be off by, relative to 1 + its size
TRIES = 200  # random points that are tried where the first line is not a number

RELATIONS = {"=": "=", r"\le": "<=", r"\leq": "<=", "<=": "<=", r"\ge": ">=", r"\geq": ">=", ">=": ">="}
_LAYOUT = re.compile(
    r"\\(?:left|right|bigl|bigr|Bigl|Bigr|big|Big|displaystyle|quad|qquad|nonumber)(?![a-zA-Z])|\\[,:;! ]|&"
)
_COMMANDS = set(
    "frac tfrac dfrac sqrt binom sum prod int lim to cdot times div pm le leq ge geq infty exp log ln lg sin cos tan "
    "csc sec cot arcsin arccos arctan sinh cosh tanh arsinh arcosh artanh lfloor rfloor lceil rceil lvert rvert vert "
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell".split()
)


def is_symbolic(value):
    """Whether it is a SymPy object (SymPy itself is not imported for that), or a collection of some."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple):
        return any(map(is_symbolic, value))
    return type(value).__module__.partition(".")[0] == "sympy"


def sympy():
    """The module. Raises ImportError with the remedy where it is missing."""
    try:
        import sympy
    except ImportError:
        raise ImportError(
            "equations are read by SymPy, which is not installed: pip install 'tinygen[symbolic]'"
        ) from None
    return sympy


def read(latex, names=()):
    """The SymPy expression that a piece of LaTeX means; names: of variables, which are no functions.

    `e` and `\\pi` are the numbers unless they are among the names. Raises ValueError that shows the place where it
    cannot be read: what SymPy would silently take for a product of letters (`\\mathbb{E}[x]`) is refused, too.

    >>> read(r"-\\frac{(x-\\mu)^2}{2\\sigma^2} - \\ln\\sigma")
    -log(sigma) - (-mu + x)**2/(2*sigma**2)
    """
    sp = sympy()
    text = _LAYOUT.sub(lambda found: " " * len(found.group()), latex)
    for found in re.finditer(r"\\([a-zA-Z]+)", text):
        if found.group(1) not in _COMMANDS:
            raise ValueError(
                _place(latex, found.start(), f"{found.group()} is no name or function that SymPy's parser knows")
            )
    try:
        from sympy.parsing.latex import parse_latex

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expression = parse_latex(text, strict=True)
    except ImportError:
        raise ImportError("SymPy reads LaTeX with antlr4, which is missing: pip install 'tinygen[symbolic]'") from None
    except Exception as error:  # of SymPy's parser, which raises several kinds
        column = re.search(r"^(~*)\^", str(error), re.M)
        at = len(column.group(1)) if column else len(latex) - 1
        raise ValueError(_place(latex, at, "SymPy's parser cannot read this")) from None
    return _meant(sp, expression, latex, names)


def _meant(sp, expression, latex, names):
    """The expression with e and pi as numbers, sigma(1 - sigma) as a product, log(x, e) as log(x)."""
    own = {identifier(name) for name in names} | {identifier(str(s)) for s in expression.free_symbols}
    numbers = {"e": sp.E, "pi": sp.pi}
    known = {identifier(name) for name in names}
    swap = {s: numbers[s.name] for s in expression.free_symbols if s.name in numbers and s.name not in known}
    expression = expression.subs(swap)
    for call in expression.atoms(sp.core.function.AppliedUndef):
        name = call.func.__name__
        if identifier(name) not in own or len(call.args) != 1:
            at = max(latex.find(name), 0)
            raise ValueError(
                _place(latex, at, f"{name}(...) is a function that nothing defines; a product is {name} \\cdot (...)")
            )
        expression = expression.subs(call, sp.Symbol(name) * call.args[0])
    return expression.replace(
        lambda part: isinstance(part, sp.log) and len(part.args) == 2,
        lambda part: sp.log(part.args[0]) / sp.log(part.args[1]),
    )


def _place(latex, at, why):
    return f"{why}:\n    {latex}\n    {' ' * at}^"


def split(latex):
    """[(relation, expression)] of a chain as it is written: "a = b \\le c", over one line or several.

    >>> split(r"(a+b)^2 &= a^2 + 2ab + b^2 \\\\ &\\ge 4ab")
    [('=', '(a+b)^2'), ('=', 'a^2 + 2ab + b^2'), ('>=', '4ab')]
    """
    parts, relation, depth, start = [], "=", 0, 0
    token = re.compile(r"\\\\|\\[a-zA-Z]+|\\.|<=|>=|[={}]")
    text = latex.replace("&", " ")
    for found in token.finditer(text):
        word = found.group()
        depth += (word == "{") - (word == "}")
        if depth == 0 and (word in RELATIONS or word == "\\\\"):
            if text[start : found.start()].strip():
                parts.append((relation, text[start : found.start()].strip()))
            start = found.end()
            relation = RELATIONS.get(word, relation)
    if text[start:].strip():
        parts.append((relation, text[start:].strip()))
    return parts


def lines_of(item, names=()):
    """[(relation, latex, expression)] of one line of a derivation: LaTeX, an expression, an equation or inequality."""
    sp = sympy()
    if isinstance(item, str):
        return [(relation, text, read(text, names)) for relation, text in split(item)]
    if isinstance(item, tuple) and len(item) == 2 and item[0] in RELATIONS:
        return [(RELATIONS[item[0]], latex, expression) for _, latex, expression in lines_of(item[1], names)]
    kinds = {sp.Eq: "=", sp.Ge: ">=", sp.Le: "<="}
    for kind, relation in kinds.items():
        if isinstance(item, kind):
            return [("=", sp.latex(item.lhs), item.lhs), (relation, sp.latex(item.rhs), item.rhs)]
    item = sp.sympify(item) if isinstance(item, int | float) else item
    if isinstance(item, sp.Expr):
        return [("=", sp.latex(item), item)]
    raise TypeError(f"a line is LaTeX, a SymPy expression, or a pair (relation, line); got {type(item).__name__}")


def identifier(name):
    """A symbol's name as a Python identifier: x_{1} is x_1, lambda is lambda_.

    >>> identifier("x_{1}"), identifier("lambda"), identifier("beta_{t - 1}")
    ('x_1', 'lambda_', 'beta_t_1')
    """
    plain = re.sub(r"\W+", "_", str(name).replace("{", "").replace("}", "").replace("\\", "")).strip("_")
    return plain + "_" * keyword.iskeyword(plain)


def variables(expressions):
    """{identifier: symbol} of all free symbols, sorted by name."""
    symbols = set().union(*(expression.free_symbols for expression in expressions))
    return {identifier(symbol.name): symbol for symbol in sorted(symbols, key=lambda s: s.name)}


def function(expression, order=None, name="f"):
    """A NumPy function of an expression, with the symbols' identifiers as its arguments (or those of `order`).

    Derivatives and finite sums are carried out, integrals left to quadrature: then it returns (value, bar). Raises
    ValueError for what has no number.
    """
    sp = sympy()
    whole = expression.replace(
        lambda part: isinstance(part, sp.Derivative | sp.Sum | sp.Product), lambda part: part.doit()
    )
    left = whole.atoms(sp.Sum, sp.Product, sp.Derivative, sp.Limit, sp.core.function.AppliedUndef)
    if left:
        raise ValueError(f"no number can be had of {left.pop()}: it has no closed form that SymPy finds")
    order = variables([whole]) if order is None else order
    integrals = whole.has(sp.Integral)
    plain = {symbol: sp.Symbol(name) for name, symbol in order.items()}  # names that Python takes
    compiled = sp.lambdify(list(plain.values()), whole.xreplace(plain), ["scipy", "numpy"] if integrals else "numpy")

    value = _with_bar(compiled, order) if integrals else compiled
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    value.__signature__ = inspect.Signature([inspect.Parameter(argument, kind) for argument in order])
    value.__name__ = name
    return value


def _with_bar(compiled, order):
    """The compiled function of an integral, as a pair with how far quadrature may be off."""

    def value(*args, **point):
        found = compiled(*args, *(point[name] for name in list(order)[len(args) :]))
        return found, BAR * (1 + abs(found))

    return value


def drawn(symbols, first, positive=()):
    """rng -> dict of random values, such that the function `first` is a number there.

    Symbols that are positive by SymPy's assumptions or by `positive` are drawn between .2 and 3, integers from 1 to 6,
    all others from a normal distribution, of either sign.
    """
    positive = {identifier(name) for name in (positive.split() if isinstance(positive, str) else positive)}
    if unknown := positive - set(symbols):
        raise ValueError(f"positive= has {', '.join(sorted(unknown))}, but the symbols are {', '.join(symbols)}")
    needed = list(inspect.signature(first).parameters)

    def one(rng, name, symbol):
        if symbol.is_integer:
            return float(rng.integers(1, 7))
        return rng.uniform(0.2, 3) if symbol.is_positive or name in positive else 1.5 * rng.normal()

    def draw(rng):
        for _ in range(TRIES):
            point = {name: one(rng, name, symbol) for name, symbol in symbols.items()}
            with np.errstate(all="ignore"):
                value = first(**{name: point[name] for name in needed})
            if np.all(np.isfinite(value[0] if isinstance(value, tuple) else value)):
                return point
        raise ValueError(f"the first line is no number at {TRIES} random points: give points=, or positive= names")

    return draw


def plain_functions(f, gradient, args, keywords, names, rng):
    """(f, gradients, args, names, notes) of check_grad, whose f and gradient are SymPy expressions or LaTeX.

    gradient: {symbol: derivative}, or a sequence or matrix in the order of the names, or one derivative by the first.
    Arguments by keyword, or by position in the order of `names` (else of the sorted symbols); none: a random point.
    """
    sp = sympy()
    known = names if names is not None else list(keywords)
    expression = read(f, known) if isinstance(f, str) else f
    if isinstance(gradient, dict):
        gradient = {identifier(by): part for by, part in gradient.items()}
    parts = gradient.values() if isinstance(gradient, dict) else gradient
    parts = list(parts) if isinstance(parts, list | tuple | sp.MatrixBase | type({}.values())) else [parts]
    parts = [read(part, known) if isinstance(part, str) else sp.sympify(part) for part in parts if part is not None]
    symbols = variables([expression, *parts])
    if names is not None:
        wanted = [identifier(name) for name in ([names] if isinstance(names, str) else names)]
        symbols = {name: symbols.get(name, sp.Symbol(name)) for name in dict.fromkeys([*wanted, *symbols])}
    elif isinstance(gradient, dict):
        symbols = {name: symbols.get(name, sp.Symbol(name)) for name in dict.fromkeys([*gradient, *symbols])}
    if gradient is None:
        gradients = None
    elif isinstance(gradient, dict):
        by = dict(zip(gradient, parts))
        gradients = [function(by[name], symbols, f"df_d{name}") if name in by else None for name in symbols]
    elif len(parts) == 1 and len(symbols) > 1 and names is None:
        said = ", ".join(symbols)
        raise ValueError(f"one derivative for the symbols {said}: by which? Give {{symbol: derivative}}, or names=")
    elif len(parts) > len(symbols):
        raise ValueError(f"{len(parts)} derivatives for the symbols {', '.join(symbols)}")
    else:
        gradients = [function(part, symbols, f"df_d{name}") for part, name in zip(parts, symbols)]
        gradients += [None] * (len(symbols) - len(parts))
    whole = function(expression, symbols)
    keywords = {identifier(name): value for name, value in keywords.items()}
    if not args and not keywords:
        args = list(drawn(symbols, whole)(np.random.default_rng(rng)).values())
    args = [*args, *(keywords[name] for name in list(symbols)[len(args) :] if name in keywords)]
    if len(args) != len(symbols):
        raise ValueError(
            f"the symbols are {', '.join(symbols)}: {len(args)} values are given for {len(symbols)} of them"
        )
    args = [float(a) if np.ndim(a) == 0 else np.asarray(a, float) for a in args]
    notes = [f"f is read as {expression}."] if isinstance(f, str) else []
    return whole, gradients, args, list(symbols), notes
