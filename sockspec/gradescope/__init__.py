"""Gradescope: the archive that its autograder is made from, and what that does with a submission."""
