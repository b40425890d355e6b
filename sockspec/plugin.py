"""Where the engine meets pytest: a test of a suite is a scenario, played by the reference and then by a submission.

The run (who plays, what is selected, how) comes as JSON in one option, so that the workers of pytest-xdist get it as
well. A verdict leaves as JSON on the test report, and is collected where the reports come together.
"""

import time
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sockspec import account, catalogue, house
from sockspec.catalogue import Requirement
from sockspec.client import Client
from sockspec.complaint import SuiteError, UsageError, nearest
from sockspec.failure import Disturbed, Failure, NotRun
from sockspec.kernel.sockets import Diagnostics
from sockspec.oracle import Facet, Script, Shelf, fingerprint, key
from sockspec.program import adopt_orphans, raise_own_limit
from sockspec.scenario import Ports, Scenario, Settings
from sockspec.server import Server
from sockspec.submission import Cast
from sockspec.udp.client import DatagramClient
from sockspec.udp.server import DatagramServer
from sockspec.verdict import Diagnosis, Level, Outcome, Record, Verdict
from sockspec.workdir import Workdir

PLAYERS: dict[str, dict[str, type[Server] | type[Client]]] = {
    "tcp": {"server": Server, "client": Client},
    "udp": {"server": DatagramServer, "client": DatagramClient},
}
"""Who plays a role, by the transport of the exercise."""
ATTRIBUTE = "sockspec"
"""Where a report carries its record; pytest-xdist brings plain attributes along."""
_TRIES = 10
_ENGINE = Path(__file__).resolve().parent
_REQUIREMENT = pytest.StashKey[Requirement]()
_TEST_NAME = pytest.StashKey[str]()
_PLAYED = pytest.StashKey["Played"]()


class Run(msgspec.Struct, frozen=True):
    """All that a run of one suite needs to know."""

    exercise: str
    casts: dict[str, Cast]
    """Who is tried, by the name of the submission."""
    reference: Cast
    settings: Settings
    scratch: str
    """A directory that all workers have, for this run."""
    only: list[str] = []
    strict: bool = False
    shelf: str | None = None
    """Where the reference's observations are kept; None for the user's cache."""


class Played(msgspec.Struct):
    """What came of one scenario, before it is a verdict."""

    seconds: float = 0.0
    note: str = ""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sockspec-run", default="", help="the run as JSON; `sockspec check` writes it")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "requirement(slug): the requirement that this test is about")
    if encoded := config.getoption("--sockspec-run"):
        config.pluginmanager.register(SuitePlugin(msgspec.json.decode(encoded, type=Run), config), "sockspec-suite")


class SuitePlugin:
    """The hooks of one run."""

    def __init__(self, run: Run, config: pytest.Config) -> None:
        self.run = run
        self.exercise = catalogue.exercise(run.exercise)
        self.players = PLAYERS[self.exercise.transport]
        self.labels = {f"s{number}": name for number, name in enumerate(run.casts)}
        self.diagnostics = Diagnostics()
        worker = getattr(config, "workerinput", {}).get("workerid", "gw0")
        self.settings = msgspec.structs.replace(run.settings, worker=int(worker.removeprefix("gw")))
        alone = run.settings.fresh and run.settings.isolation.kind != "this machine"
        self.ports = Ports(self.settings.worker, self.diagnostics, Path(run.scratch), alone=alone)
        self.shelf = Shelf(Path(run.shelf) if run.shelf else None)
        self.recorded: dict[str, list[Facet]] = {}
        self.workdirs: dict[str, Workdir] = {}
        self.gave_up: dict[str, Failure] = {}
        self.tricklers: set[tuple[str, ...]] = set()
        """The programs that are known to trickle, by directory and roles: nobody waits that long for them again."""
        reference = Path(run.reference.directory)
        self.key_parts = [
            fingerprint(_ENGINE), fingerprint(house.SUITES / run.exercise), fingerprint(reference),
            run.settings.seed, run.settings.isolation,
        ]  # fmt: skip
        adopt_orphans()
        raise_own_limit()

    # --- which tests there are

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "submission" in metafunc.fixturenames:
            metafunc.parametrize("submission", list(self.labels))

    @pytest.fixture
    def submission(self) -> str:
        raise SuiteError("every test that asks for a submission is parametrized")

    @pytest.fixture
    def server(self, submission: str) -> None:
        """Replaced by a Server when the scenario is played."""

    @pytest.fixture
    def client(self, submission: str) -> None:
        """Replaced by a Client when the scenario is played."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        try:
            chosen = set(catalogue.select(list(self.exercise.requirements), self.run.only))
            for item in items:
                item.stash[_REQUIREMENT] = self._requirement_of(item)
            _name_tests(items)
            tested = {item.stash[_REQUIREMENT].slug for item in items}
            if untested := sorted(set(self.exercise.requirements) - tested):
                raise SuiteError(f"no test is about {', '.join(untested)}")
        except (UsageError, SuiteError) as error:
            raise pytest.UsageError(str(error)) from error
        kept = [item for item in items if item.stash[_REQUIREMENT].slug in chosen and self._playable(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept

    def _requirement_of(self, item: pytest.Item) -> Requirement:
        mark = item.get_closest_marker("requirement")
        if mark is None:
            raise SuiteError(f"{item.nodeid}: every test names its requirement, with @requirement(slug)")
        slug = mark.args[0] if mark.args[0].count(".") == 2 else f"{self.exercise.name}.{mark.args[0]}"
        known = self.exercise.requirements
        if slug not in known:
            raise SuiteError(f"{item.nodeid}: unknown requirement {slug!r}{nearest(slug, known)}")
        return known[slug]

    def _playable(self, item: pytest.Item) -> bool:
        cast = self.run.casts[self.labels[_parameter(item, "submission")]]
        wanted = {role for role in self.players if role in getattr(item, "fixturenames", ())}
        return wanted <= set(cast.commands)

    # --- playing

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        cast = self.run.casts[self.labels[_parameter(pyfuncitem, "submission")]]
        facets = self._facets(pyfuncitem)
        pyfuncitem.stash[_PLAYED] = played = Played()
        started = time.monotonic()
        try:
            played.note, _ = self._play_undisturbed(pyfuncitem, cast, facets)
        finally:
            played.seconds = time.monotonic() - started
        return True

    def _facets(self, item: pytest.Function) -> list[Facet]:
        """What the reference did in this scenario: known from this run, from an earlier one, or seen now."""
        name = key([*self.key_parts, item.path.name, item.originalname, _case(item)])
        facets = self.recorded.get(name) or self.shelf.get(name)
        if facets is None:
            try:
                _, script = self._play_undisturbed(item, self.run.reference, None)
            except Failure as failure:
                raise SuiteError(f"the reference fails its own scenario: {failure}") from failure
            facets = script.facets
            self.shelf.put(name, facets)
        self.recorded[name] = facets
        return facets

    def _play_undisturbed(self, item: pytest.Function, cast: Cast, facets: list[Facet] | None) -> tuple[str, Script]:
        """Play it, again where the machine kept us from our part; its note, and the script that it was played by."""
        for _ in range(_TRIES):
            script = Script(facets)
            with suppress(Disturbed):
                return self._play(item, cast, script), script
        raise SuiteError(f"this machine is too slow: {_TRIES} times we could not answer a program in time")

    def _play(self, item: pytest.Function, cast: Cast, script: Script) -> str:
        scenario = Scenario(
            self._placed(cast),
            self._placed(self.run.reference),
            script,
            self.settings,
            self.exercise,
            self.diagnostics,
            self.ports,
        )
        scenario.gave_up = self.gave_up
        roles = [role for role in self.players if role in item.fixturenames]
        playing = (cast.directory, *roles)
        scenario.watch.trickles = playing in self.tricklers
        arguments = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
        try:
            players = {role: self.players[role](scenario) for role in roles}
            item.obj(**{**arguments, **players})
            scenario.check_crash()
        finally:
            if scenario.watch.trickles:
                self.tricklers.add(playing)
            scenario.close()
            self.workdirs[cast.directory].restore()
            users = [each.user + self.settings.worker for each in (cast, self.run.reference) if each.user is not None]
            if self.settings.isolation.kind == "container":  # elsewhere not all that lies there is ours to remove
                account.tidy(*users)
        return scenario.note

    def _placed(self, cast: Cast) -> Cast:
        """That cast in a directory of this worker's own, and as a user of its own."""
        user = None if cast.user is None else cast.user + self.settings.worker
        if cast.directory not in self.workdirs:
            self.workdirs[cast.directory] = Workdir(Path(cast.directory), owner=user)
        path = self.workdirs[cast.directory].path
        return Cast(cast.name, {role: command.inside(path) for role, command in cast.commands.items()}, str(path), user)

    def pytest_unconfigure(self) -> None:
        for workdir in self.workdirs.values():
            workdir.remove()
        self.diagnostics.close()
        self.ports.close()
        self.shelf.prune()

    # --- the verdict

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "call" or call.excinfo is not None:
            record = self._record(item, call.excinfo.value if call.excinfo else None)
            setattr(report, ATTRIBUTE, msgspec.to_builtins(record))
            report.outcome, report.longrepr = _for_pytest(record, report)
            if record.verdict is Verdict.WARN:
                report.wasxfail = "a SHOULD"
        return report

    def _record(self, item: pytest.Item, raised: BaseException | None) -> Record:
        requirement = item.stash[_REQUIREMENT]
        played = item.stash.get(_PLAYED, Played())
        verdict, outcome, diagnosis, note = judged(raised, requirement.level, strict=self.run.strict)
        return Record(
            requirement=requirement.slug,
            level=requirement.level,
            step=requirement.step,
            case=_case(item) or item.stash[_TEST_NAME],
            verdict=Verdict.NOTE if verdict is Verdict.PASS and played.note else verdict,
            outcome=outcome,
            seconds=round(played.seconds, 6),
            submission=self.labels[_parameter(item, "submission")],
            diagnosis=diagnosis,
            note=note or played.note,
        )


def judged(
    raised: BaseException | None, level: Level, *, strict: bool = False
) -> tuple[Verdict, Outcome, Diagnosis | None, str]:
    """The verdict on a scenario that ended with that exception, or with none."""
    if raised is None:
        return Verdict.PASS, Outcome.OK, None, ""
    if isinstance(raised, NotRun):
        return Verdict.NOT_RUN, Outcome.NOT_RUN, None, str(raised)
    if isinstance(raised, Failure):
        must = level is Level.MUST or (strict and level is Level.SHOULD)
        verdict = Verdict.FAIL if must else Verdict.WARN if level is Level.SHOULD else Verdict.NOTE
        return verdict, raised.outcome, raised.diagnosis, ""
    summary = str(raised) if isinstance(raised, (SuiteError, UsageError)) else f"{type(raised).__name__}: {raised}"
    # Where the reference failed, what it said tells whoever writes the exercise more than that it did.
    last_words = raised.__cause__.diagnosis.last_words if isinstance(raised.__cause__, Failure) else ""
    return Verdict.ERROR, Outcome.SUITE_ERROR, Diagnosis(summary=summary, last_words=last_words), ""


def _for_pytest(record: Record, report: pytest.TestReport) -> tuple[Any, Any]:
    """Outcome and text as pytest itself shows them, for those who run a suite with it directly."""
    if record.verdict is Verdict.NOT_RUN:
        return "skipped", (str(report.fspath), report.location[1] or 0, f"Skipped: {record.note}")
    if record.verdict is Verdict.WARN:
        return "skipped", record.diagnosis.summary if record.diagnosis else ""
    if record.verdict is Verdict.FAIL and record.diagnosis is not None:
        lines = [record.diagnosis.summary, *record.diagnosis.story]
        return "failed", "\n".join(lines)
    return report.outcome, report.longrepr


def _parameter(item: pytest.Item, name: str) -> str:
    callspec = getattr(item, "callspec", None)
    return str(callspec.params[name]) if callspec is not None else ""


def _case(item: pytest.Item) -> str:
    """The id of the case without the submission's part: `1-byte`."""
    callspec = getattr(item, "callspec", None)
    if callspec is None:
        return ""
    label = callspec.params.get("submission", "")
    return "-".join(part for part in callspec._idlist if part != label)


def _name_tests(items: list[pytest.Item]) -> None:
    """Where a requirement has several tests, each is a case with the name of the test."""
    tests: dict[str, set[str]] = {}
    for item in items:
        tests.setdefault(item.stash[_REQUIREMENT].slug, set()).add(_test_name(item))
    for item in items:
        several = len(tests[item.stash[_REQUIREMENT].slug]) > 1
        item.stash[_TEST_NAME] = _test_name(item).removeprefix("test_").replace("_", " ") if several else ""


def _test_name(item: pytest.Item) -> str:
    return getattr(item, "originalname", item.name)


class Collector:
    """Gathers the records where the reports of all workers come together."""

    def __init__(self, seen: Callable[[int, int, Record], None]) -> None:
        self.faults: list[str] = []
        self._recorded: dict[str, Record] = {}
        self._collected: list[str] = []
        self._seen = seen

    @property
    def records(self) -> list[Record]:
        """Those that have come, in the order in which the tests stand, whichever worker was quicker."""
        return [self._recorded[test] for test in self._collected if test in self._recorded]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._collected = [item.nodeid for item in session.items]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._collected = ids

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if encoded := getattr(report, ATTRIBUTE, None):
            record = msgspec.convert(encoded, Record)
            self._recorded[report.nodeid] = record
            self._seen(len(self._recorded), len(self._collected), record)
        elif report.failed:
            self.faults.append(f"{report.nodeid} ({report.when}): {report.longreprtext}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.faults.append(report.longreprtext)

    def pytest_internalerror(self, excrepr: object) -> None:
        self.faults.append(str(excrepr))
