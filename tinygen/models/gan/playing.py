"""A game from its first round to its last: progress, a checkpoint that survives being killed, and the history."""

import contextlib
import sys
import time
from pathlib import Path

import numpy as np

from tinygen.models.gan.one_page import HISTORY
from tinygen.nn import checkpoint as store
from tinygen.nn.resuming import changes, uninterrupted
from tinygen.nn.threads import one_thread


def play(game, *, checkpoint=None, identity=None, save_seconds=10.0, progress=True, verbose=0, callback=None):
    """Play all rounds of the one_page.Game and return its history: {name of HISTORY: (rounds,)}.

    checkpoint: file that is written now, every `save_seconds`, at the end and on Ctrl-C; if it is there already, the
    game goes on from it. ValueError, by name, if it is of another game: `identity` is {name: plain value} of all that
    the result depends on. progress, verbose, callback: as in nn.train.fit, with a Record a round.
    """
    from tqdm import tqdm

    path, saved = checkpoint and Path(checkpoint), time.monotonic()
    if path:
        if path.exists():
            _resume(game, path, identity or {})
        store.save(path, game.state(), meta=identity)  # now: a folder that can't be written costs nothing yet
    hidden = not progress or (False if "ipykernel" in sys.modules else None)  # None: unless it writes to a terminal
    saved_step = game.step
    printed = time.monotonic()
    bar = tqdm(total=game.total, initial=game.step, unit="round", disable=hidden)
    with bar, one_thread(game.params, game.batch_size):
        try:
            while game.step < game.total:
                with uninterrupted():
                    record = game.round()
                text = f"D {record.loss:.4f}, of data {record.terms['real']:.2f}, of samples {record.terms['fake']:.2f}"
                bar.set_postfix_str(text, refresh=False)
                bar.update()
                if verbose and (time.monotonic() - printed >= verbose or game.step == game.total):
                    printed = time.monotonic()
                    print(f"round {game.step}/{game.total}, {text}, {record.seconds:.0f} s", flush=True)
                if path and time.monotonic() - saved >= save_seconds:
                    store.save(path, game.state(), meta=identity)
                    saved, saved_step = time.monotonic(), game.step
                if callback is not None and callback(record):
                    break
        except FloatingPointError:
            raise  # the file keeps the last round that was finite
        except BaseException:
            if path and saved_step != game.step:
                with contextlib.suppress(OSError):  # what ended the game is the news
                    store.save(path, game.state(), meta=identity)
            raise
    if path and saved_step != game.step:
        store.save(path, game.state(), meta=identity)
    columns = np.array(game.history, np.float64).reshape(-1, len(HISTORY)).T
    return {name: column.copy() for name, column in zip(HISTORY, columns)}


def _resume(game, path, identity):
    state, meta = store.load(path)
    if not isinstance(meta, dict) or not isinstance(state, dict) or "mean_g" not in state:
        raise ValueError(f"{path} is a checkpoint, but not of a GAN's training. Give another name.")
    differing = changes(meta, identity)
    if not differing and state["step"] > game.total:
        differing = [f"it has played {state['step']} rounds, and this game ends after {game.total}"]
    if differing:
        raise ValueError(f"{path} belongs to another game: {'; '.join(differing[:4])}. Delete it or give another name.")
    try:
        game.restore(state)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise store.CheckpointError(f"{path} is damaged ({problem!r}). Use an older one.") from problem
