"""A check in a container reaches the same verdicts, with nothing of this machine in it and nothing left behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sockspec import engine, grade, policy
from sockspec.limits import Limits
from sockspec.sandbox import container, image, wire
from sockspec.sandbox.run import Sandbox
from sockspec.submission import Wishes
from tests.contained import DOCKER, ONE, needs_engine, said_inside
from tests.relay import relayed
from tests.running import PROGRAMS, checked, failed, sockspec

GOOD = PROGRAMS / "echo" / "c-select"
NOSY = """
import os, pathlib, sys

here = pathlib.Path.cwd()
others = [p for p in pathlib.Path("/work").iterdir() if p.is_dir() and p not in here.parents and p.name != "submission"]
reached = [os.path.join(place, name) for top in others for place, _, files in os.walk(top) for name in files]
for pid in (int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in (os.getpid(), 1)):
    try:
        os.kill(pid, 0)
        reached.append(pid)
    except OSError:
        pass
copies = [p for p in others if os.path.isdir(p / "work")]
sys.exit(f"reached {reached} of {'several' if len(copies) > 1 else 'few'}")
"""
"""A server that says which files of others it finds, and whom of them it may signal.

Beside its own copy there is that of the reference; one more is another worker's.
"""
CAPABILITIES = {
    "CHOWN", "DAC_OVERRIDE", "KILL", "NET_ADMIN", "NET_BIND_SERVICE", "SETGID", "SETPCAP", "SETUID", "SYS_PTRACE",
}  # fmt: skip
"""Of the suite, until it has set up the network; CapBnd shows what is left then."""


@needs_engine
def test_a_good_program_conforms_in_a_container_and_everything_is_run() -> None:
    report = checked(GOOD, "--exercise", "echo", "--strict", *DOCKER)
    assert (report["status"], report["isolation"], failed(report)) == (0, "container", {})
    assert [v["requirement"] for v in report["verdicts"] if v["verdict"] == "not run"] == []


@needs_engine
@pytest.mark.parametrize("name", ["c-select", "python-iterative"])
def test_two_workers_reach_what_one_does(name: str) -> None:
    options = ("--exercise", "echo", "--role", "server", "--strict", "--jobs", 2)
    report = checked(PROGRAMS / "echo" / name, *options, *DOCKER)
    assert (report["status"], failed(report)) == (0, {})


@needs_engine
def test_a_wrong_program_fails_in_a_container_as_it_does_outside(tmp_path: Path) -> None:
    text = (PROGRAMS / "echo" / "c-iterative" / "server.c").read_text()
    (tmp_path / "server.c").write_text(text.replace("htonl(INADDR_ANY)", "htonl(INADDR_LOOPBACK)"))
    outside, inside = (checked(tmp_path, "--exercise", "echo", *where) for where in ((), DOCKER))
    assert failed(outside) == failed(inside) == {"echo.server.every-address": "SHOULD"}


@needs_engine
@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("0 in (os.getuid(), os.geteuid(), os.getgid())", "False"),
        ("open('/proc/self/status').read().split('CapEff:')[1].split()[0]", "'0000000000000000'"),
        ("open('/proc/self/status').read().split('NoNewPrivs:')[1].split()[0]", "'1'"),
        ("os.access('/opt/sockspec', os.R_OK) or os.access('/opt/sockspec', os.X_OK)", "False"),
        ("sorted(os.listdir('/sys/class/net'))", "['lo']"),
        ("[p for p in ('/', '/etc', '/usr', '/work', '/opt', '/var/tmp') if os.access(p, os.W_OK)]", "[]"),
        ("int(open('/proc/sys/net/ipv4/ip_unprivileged_port_start').read())", "1024"),
        ("[k for k in os.environ if k.startswith('PYTHON') and k != 'PYTHONDONTWRITEBYTECODE']", "[]"),
        ("sum(p.isdigit() and os.access(f'/proc/{p}/fd', os.R_OK) for p in os.listdir('/proc'))", "1"),
    ],
    ids=["user", "capabilities", "privileges", "suite", "network", "places", "ports", "environment", "processes"],
)  # fmt: skip
def test_a_program_in_a_container_has_next_to_nothing(expression: str, answer: str, tmp_path: Path) -> None:
    assert said_inside(tmp_path / "curious", expression) == answer


@needs_engine
@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("open('/proc/1/comm').read()", "'docker-init\\n'"),
        ("[os.statvfs(p).f_blocks * os.statvfs(p).f_frsize >> 20 for p in ('/work', '/tmp', '/dev/shm')]",
         "[512, 64, 16]"),
        ("[os.statvfs(p).f_files for p in ('/work', '/tmp')]", "[20000, 20000]"),
    ],
    ids=["init", "places", "files"],
)  # fmt: skip
def test_what_a_program_in_a_container_has_is_bounded(expression: str, answer: str, tmp_path: Path) -> None:
    assert said_inside(tmp_path / "curious", expression) == answer


@needs_engine
def test_the_limits_of_a_policy_become_those_of_the_container() -> None:
    limits = Limits(memory_bytes=100 << 20, processes=7)
    with closing(container.connect()) as client:
        identity = container._created(client, image.ready(client, lambda _: None), limits, "test")
        try:
            host = client.api.inspect_container(identity)["HostConfig"]
        finally:
            container.remove(client, identity)
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (612 << 20, 612 << 20, 135)
    assert (host["NanoCpus"], host["Init"], host["ReadonlyRootfs"], host["Privileged"]) == (10**9, True, True, False)
    assert (host["NetworkMode"], host["Binds"], host["SecurityOpt"]) == ("none", None, ["no-new-privileges"])
    assert (host["CapDrop"], {name.removeprefix("CAP_") for name in host["CapAdd"]}) == (["ALL"], CAPABILITIES)


@needs_engine
def test_the_tables_of_one_manifest_are_checked_in_containers(tmp_path: Path) -> None:
    for exercise in ("hello", "time"):
        shutil.copytree(PROGRAMS / exercise / "c-poll", tmp_path / exercise)
    (tmp_path / "sockspec.toml").write_text('[hello]\ndirectory = "hello"\n[time]\ndirectory = "time"\n')
    done = sockspec("check", tmp_path, "--only", "server.next-client", *DOCKER)
    assert done.stdout.endswith("2 of 2 exercises conform\n"), done.stderr


@needs_engine
@pytest.mark.parametrize("who", ["self", "{os.getppid()}"], ids=["the program", "the suite"])
def test_what_the_suite_may_do_at_its_start_nobody_may_later(who: str, tmp_path: Path) -> None:
    expression = f"open(f'/proc/{who}/status').read().split('CapBnd:')[1].split()[0]"
    assert said_inside(tmp_path / "curious", expression) == "'00000000000804e3'"


@needs_engine
@pytest.mark.parametrize("name", ["one.sockspec.test", "localhost", "127.0.0.1"])
@pytest.mark.parametrize("family", ["AF_UNSPEC", "AF_INET"])
def test_a_name_is_found_also_by_who_asks_for_configured_families_only(family: str, name: str, tmp_path: Path) -> None:
    flags = f"socket.{family}, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG"
    expression = f"sorted({{found[4][0] for found in socket.getaddrinfo({name!r}, 80, {flags})}})[0]"
    assert said_inside(tmp_path / "curious", expression) == "'127.0.0.1'"


@needs_engine
def test_an_ipv6_name_is_found_by_who_asks_for_configured_families_only(tmp_path: Path) -> None:
    flags = "socket.AF_INET6, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG"
    expression = f"socket.getaddrinfo('six.sockspec.test', 80, {flags})[0][4][0]"
    assert said_inside(tmp_path / "curious", expression) == "'::1'"


@needs_engine
def test_the_container_knows_its_own_name(tmp_path: Path) -> None:
    assert said_inside(tmp_path / "curious", "socket.gethostbyname(socket.gethostname())") == "'127.0.0.1'"


@needs_engine
def test_a_submission_with_nothing_to_run_is_a_wrong_use_of_check(tmp_path: Path) -> None:
    done = sockspec("check", tmp_path, "--exercise", "echo", *DOCKER)
    assert (done.returncode, "nothing to run" in done.stderr) == (2, True)


@needs_engine
def test_so_is_one_whose_names_are_no_text(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"L\x94sung")
    (odd / "below").mkdir(parents=True)
    (odd / "report.txt").touch()
    told = list(
        Sandbox(lambda _: None).told(odd.parent, "echo", Wishes("echo"), grade.options(grade.Job(policy.of("echo"))))
    )
    assert ["sung: nothing to run" in one.reason for one in told if isinstance(one, wire.Refused)] == [True]


@needs_engine
def test_a_reason_is_told_in_few_words_however_long_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "sockspec.toml").write_text(f'"{"x" * 15_000}" = 1')
    how = grade.options(grade.Job(policy.of("echo")))
    told = list(Sandbox(lambda _: None).told(tmp_path, "echo", Wishes("echo"), how))
    assert [len(one.reason) < 1_100 for one in told if isinstance(one, wire.Refused)] == [True]


@needs_engine
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_check_that_is_ended_leaves_no_container(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text("import time\ntime.sleep(1000)\n")
    command = [sys.executable, "-P", "-m", "sockspec", "check", str(tmp_path), *ONE, *DOCKER, "--patience", "600"]
    before = containers()
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as check:
        while not (started := containers() - before):
            assert check.poll() is None
        check.send_signal(number)
    while started & containers(running=True):
        pass
    container.remove_orphans(container.connect())
    assert not started & containers()


def containers(*, running: bool = False) -> set[str]:
    """The containers of ours that there are."""
    found = container.connect().api.containers(all=not running, filters={"label": container.LABEL})
    return {each["Id"] for each in found}


def test_without_an_engine_there_is_no_container_and_the_reason_is_said() -> None:
    done = sockspec("check", GOOD, *ONE, *DOCKER, env={**os.environ, "DOCKER_HOST": "unix:///nonexistent"})
    assert done.returncode == 3
    assert "no sandbox: no Docker engine at /nonexistent" in done.stderr


@needs_engine
def test_where_an_engine_answers_a_container_is_taken_without_being_asked_for() -> None:
    assert checked(GOOD, *ONE, engine=True)["isolation"] == "container"


@needs_engine
def test_an_engine_elsewhere_gets_the_submission_and_tells_the_verdicts() -> None:
    with relayed() as relay:
        report = checked(GOOD, *ONE, *DOCKER, env={**os.environ, "DOCKER_HOST": relay.host})
    assert (report["status"], report["isolation"]) == (0, "container")


@needs_engine
def test_no_worker_reaches_what_another_one_runs(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(NOSY)
    options = ("--exercise", "echo", "--role", "server", "--only", "server.sizes", "--jobs", 2)
    report = checked(tmp_path, *options, *DOCKER)
    said = [v["diagnosis"]["last_words"] for v in report["verdicts"]]
    assert [words for words in said if not words.startswith("reached []")] == []
    assert any(words.endswith("of several") for words in said)


def test_an_engine_that_is_named_and_is_elsewhere_may_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:2375")
    assert engine.absent() == ""


@needs_engine
def test_the_image_says_how_large_it_is_whether_it_was_there_or_not() -> None:
    for _ in range(2):
        said = sockspec("image", engine=True).stdout.splitlines()[-1]
        assert re.fullmatch(r"sockspec:[0-9a-f]{16}: \d+ MiB, \d+ of them the base \S+", said)


def test_an_image_is_made_again_on_another_base_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    bases: list[str] = []
    there = SimpleNamespace(labels={image._BASE: "one"})
    client = SimpleNamespace(images=SimpleNamespace(get=lambda _: there))
    monkeypatch.setattr(image, "_make", lambda _, base, __: bases.append(base))
    for base in ("", "one", "two"):
        image.ready(client, lambda _: None, base=base)
    assert bases == ["two"]


@needs_engine
def test_images_of_older_states_are_removed_unless_a_container_uses_them_or_they_are_somebody_elses() -> None:
    with closing(container.connect()) as client:
        image.ready(client, lambda _: None)
        others = {**image._OURS, "sockspec.house": "/elsewhere"}
        older, used, elsewhere = (made(client, labels) for labels in (image._OURS, image._OURS, others))
        user = client.api.create_container(used, ["true"])["Id"]
        image._remove_older(client)
        left = [one for one in (older, used, elsewhere) if client.api.images(filters={"reference": one})]
        container.remove(client, user)
        for one in left:
            client.api.remove_image(one)
    assert left == [used, elsewhere]


def made(client: Any, labels: dict[str, str]) -> str:
    """An image with nothing in it but these labels."""
    name = f"sockspec-test:{os.getpid()}-{time.monotonic_ns()}"
    repository, tag = name.split(":")
    stated = [f'LABEL "{label}"="{value}"' for label, value in labels.items()]
    client.api.import_image_from_data(bytes(1024), repository=repository, tag=tag, changes=stated)
    return name
