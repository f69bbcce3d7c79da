"""The lecturer's side: hand out, collect, grade. Student code runs in a process of its own, and is never imported."""
