"""Chapter 2: record a function once, look at it as a program, replay it without Python's cost."""
