"""Numbers with error bars, from function values alone."""
