"""How long the same work takes in tinygen, by hand, and in its named peers, measured in one interleaved run."""
