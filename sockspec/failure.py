"""What an expectation raises when it is not met: the facts, in order, ready to be put into words."""

from sockspec.verdict import Diagnosis, Outcome


class Failure(Exception):
    """A program did not do what the requirement says."""

    def __init__(self, outcome: Outcome, diagnosis: Diagnosis) -> None:
        super().__init__(diagnosis.summary)
        self.outcome = outcome
        self.diagnosis = diagnosis


class NotRun(Exception):
    """This scenario cannot be run here; the message says why. It judges nobody."""
