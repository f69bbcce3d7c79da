"""The memory of a plan: in which bytes each array lies, from the operation that writes it to the last that reads it."""

import math


class Memory:
    """Buffers for the arrays of a program, in its `source`; what nobody reads any more is given out again.

    sources: of passes, slot of a view -> slot that it looks at. nbytes: of all buffers.
    """

    def __init__(self, program, sources, source):
        self.sources, self.source, self.nbytes = sources, source, 0
        self.held, self.free, self.scratched = {}, {}, []  # slot -> (bytes, name); bytes -> names nobody reads
        self.last_read = {}  # slot of an owner -> number of the operation
        for k, op in enumerate(program.operations):
            for _, slot in op.parents:
                self.last_read[self.root(slot)] = k
        for slot in (*(slot for slot, _ in program.outputs), *program.limits):
            if slot is not None:
                self.last_read[self.root(slot)] = math.inf

    def root(self, slot):
        """The slot whose memory this one looks at: liveness follows the owner of a view."""
        while slot in self.sources:
            slot = self.sources[slot]
        return slot

    def is_read(self, slot):
        """Whether anything reads this slot."""
        return slot in self.last_read

    def ends(self, root, k):
        """Whether operation `k` is the last to read this memory, and it is a buffer."""
        return self.last_read[root] == k and root in self.held

    def take_over(self, root, slot):
        """The buffer of `root` is that of `slot` from now on: it is written over."""
        self.held[slot] = self.held.pop(root)

    def array(self, layout, slot, hint="b#"):
        """The name of a buffer of this layout, in memory that nobody reads any more or in new memory."""
        size = layout.dtype.itemsize
        nbytes = size + sum((n - 1) * step for n, step in zip(layout.shape, layout.compact)) if layout.size else 1
        free = self.free.setdefault(nbytes, [])
        if free:
            memory = free.pop()
        else:
            memory = self.source.define("m#", f"aligned({nbytes})")
            self.nbytes += nbytes
        if slot is not None:
            self.held[slot] = (nbytes, memory)
        dtype = self.source.dtype(layout.dtype)
        strides = "" if layout.is_compact else f", 0, {layout.compact}"
        return self.source.bind(hint, f"ndarray({layout.shape}, {dtype}, {memory}{strides})")

    def scratch(self, layout):
        """The name of a buffer for the lines of one operation."""
        slot = ("scratch", len(self.scratched))
        self.scratched.append(slot)
        return self.array(layout, slot)

    def release(self, k, op):
        """Buffers whose last reader was this operation go back to the pool; so do results that nobody reads."""
        unread = {slot for slot in op.outputs if not self.is_read(slot)}
        for root in {self.root(slot) for _, slot in op.parents} | unread | set(self.scratched):
            if self.last_read.get(root, k) == k and root in self.held:
                nbytes, memory = self.held.pop(root)
                self.free[nbytes].append(memory)
        self.scratched = []
