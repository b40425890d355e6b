"""What an expectation raises when it is not met: the facts, in order, ready to be put into words."""

from sockspec.verdict import Diagnosis, Outcome


class Failure(Exception):
    """A program did not do what the requirement says."""

    def __init__(self, outcome: Outcome, diagnosis: Diagnosis) -> None:
        super().__init__(diagnosis.summary)
        self.outcome = outcome
        self.diagnosis = diagnosis


class Disturbed(Exception):
    """The machine kept us from doing our part in time. It judges nobody; the scenario is played again."""


class NotRun(Exception):
    """This scenario cannot be run here; the message says why. It judges nobody."""
