"""What the exercises are judged by: one file for each lesson, named like it without the number."""
