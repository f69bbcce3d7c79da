"""How a given gradient is compared: what was given, what it is compared with, the verdict on each entry, in words."""
