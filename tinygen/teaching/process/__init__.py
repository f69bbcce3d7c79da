"""A student's process: what it may read, how it is shut in and ended, and the wire by which the judge calls it."""
