"""What every report is rendered from: one submission, and the verdicts it got."""

import msgspec

from sockspec.verdict import Record, Role


class Again(msgspec.Struct, frozen=True):
    """The command that does the same again, ready to be copied."""

    line: str
    """`sockspec check . --exercise echo`: all but which requirements."""
    only: str = ""
    """Which were asked for, as they were: ` --only 'server.*'`; empty for all."""

    @property
    def whole(self) -> str:
        return self.line + self.only

    def one(self, requirement: str) -> str:
        """The same for one requirement alone."""
        return f"{self.line} --only {requirement}"


class Report(msgspec.Struct, frozen=True, kw_only=True, rename={"version": "sockspec", "records": "verdicts"}):
    """The verdicts on one submission, and how they were reached."""

    version: str
    """The version of sockspec that reached them."""
    exercise: str
    submission: str
    """The name of the submission, not its path."""
    roles: dict[Role, str]
    """What plays each role, as a reader knows it: `{"server": "server.c"}`."""
    seed: int
    isolation: str
    seconds: float = 0.0
    warnings: list[str] = []
    """What the compiler warned of."""
    slip: str = ""
    """The known slip that does what this submission does, in words; empty when there is none."""
    records: list[Record]

    @property
    def design(self) -> str:
        """What the requirement whose slug ends in `.design` noted: how the server deals with several clients."""
        return next((record.note for record in self.records if record.requirement.endswith(".design")), "")
