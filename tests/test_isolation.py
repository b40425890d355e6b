"""The private network: what is in it, what is not, and what happens where it cannot be had.

Entering changes a process for good, so every test does it in a process of its own, as root and as an ordinary user.
"""

import errno
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import msgspec
import pytest

from sockspec import isolation, names
from sockspec.isolation import Isolation
from tests.running import house_for_all

Run = Callable[..., str]

NOBODY = 65534
PRELUDE = """
import os, socket, subprocess, sys, tempfile, threading
from pathlib import Path
from sockspec import isolation, names

def state():
    status = [line for line in Path("/proc/self/status").read_text().splitlines() if "Cap" in line or "id:" in line]
    spaces = [os.readlink(f"/proc/self/ns/{kind}") for kind in ("net", "mnt", "user")]
    return status, spaces, os.readlink("/proc/self/cwd"), mounts()

def mounts():
    paths = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [path for path in paths if path.startswith(("/etc", "/run", "/tmp"))]

def connects(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0

def addresses(name, *arguments, **options):
    return [entry[4][0] for entry in socket.getaddrinfo(name, 80, *arguments, type=socket.SOCK_STREAM, **options)]

def program(code):
    # What a program says that an ordinary user starts: it is one, and holds no capabilities. An error says its number.
    drop = "if os.geteuid() == 0: os.setgroups([]); os.setuid(65534)"
    code = f"import encodings.idna, os, socket\\n{drop}\\ntry:\\n  {code}\\nexcept OSError as error: print(error.errno)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()
"""
NO_MORE_NETWORKS = "echo 0 > /proc/sys/user/max_net_namespaces && exec"  # namespaces(7); of this user namespace only


def started_as(user: int | None, command: list[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    groups: list[int] | None = None if user is None else []
    return subprocess.run(
        command,
        user=user,
        group=user,
        extra_groups=groups,
        umask=0o077,  # the files that the others have to read must not depend on it
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def can_be_started_as(user: int | None, command: list[str], environment: dict[str, str]) -> bool:
    try:
        return started_as(user, command, environment).returncode == 0
    except PermissionError:
        return False


def mounts_on_etc() -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if " /etc" in line]


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """Where the engine and what it needs to enter can be read by every user."""
    with house_for_all("dnslib", "msgspec") as found:
        yield found


@pytest.fixture(scope="module", params=["root", "ordinary user"])
def run(request: pytest.FixtureRequest, environment: dict[str, str]) -> Run:
    """Runs code, with the names of PRELUDE, in a process of its own that may enter; what it prints."""
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("not root")
    user = NOBODY if request.param == "ordinary user" and os.geteuid() == 0 else None
    pythons = [[path, "-Werror"] for path in (sys.executable, shutil.which("python3", path="/usr/bin")) if path]
    right = f"import dnslib, sockspec.isolation, sys; assert sys.version_info[:2] == {sys.version_info[:2]}"
    python = next((python for python in pythons if can_be_started_as(user, [*python, "-c", right], environment)), None)
    if python is None:
        pytest.skip("no Python that an ordinary user may run")
    namespaces = ["--net", "--mount"] if request.param == "root" else ["--user", "--map-root-user", "--net", "--mount"]
    if not can_be_started_as(user, ["unshare", *namespaces, "true"], environment):
        pytest.skip("no namespaces for this user on this machine")

    def run(code: str, *arguments: object, before: str = "") -> str:
        command = [*python, "-c", PRELUDE + dedent(code), *map(str, arguments)]
        if before:
            command = ["unshare", "--user", "--map-root-user", "sh", "-c", f'{before} "$@"', "sh", *command]
        done = started_as(user, command, environment)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.strip()

    return run


def test_entering_says_that_it_is_the_private_network(run: Run) -> None:
    said = run("import msgspec; print(msgspec.json.encode(isolation.enter()).decode())")
    entered = msgspec.json.decode(said, type=Isolation)
    assert (entered.kind, entered.reason, entered.names) == ("private network", "", False)


def test_inside_there_is_lo_only(run: Run) -> None:
    said = run("""
        isolation.enter()
        subprocess.run(["cat", "/proc/net/dev"])
    """)
    assert [line.split()[0] for line in said.splitlines()[2:]] == ["lo:"]


def test_a_listener_outside_is_not_reachable(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        said = run("isolation.enter(); print(connects(int(sys.argv[1])))", outside.getsockname()[1])
    assert said == "False"


def test_a_listener_inside_is_reachable_and_a_fixed_port_is_free_whoever_has_it_outside(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        said = run(
            """
            isolation.enter()
            with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
                print(connects(int(sys.argv[1])))
            """,
            outside.getsockname()[1],
        )
    assert said == "True"


def test_user_directory_and_groups_stay_what_they_were(run: Run) -> None:
    code = "print(os.getresuid(), os.getresgid(), os.getgroups(), os.getcwd(), os.listdir() == os.listdir('/usr'))"
    assert run(f"os.chdir('/usr'); isolation.enter(); {code}") == run(f"os.chdir('/usr'); {code}")


def test_a_program_may_not_bind_port_80(run: Run) -> None:
    said = run("""
        isolation.enter()
        print(program("socket.create_server(('127.0.0.1', 80))"))
    """)
    assert said == str(errno.EACCES)


def test_localhost_is_both_loopback_addresses(run: Run) -> None:
    said = run("isolation.enter(); print(addresses('localhost'))")
    assert said == "['::1', '127.0.0.1']"


def test_the_host_name_of_the_machine_is_an_address_of_ours(run: Run) -> None:
    said = run("isolation.enter(); print(addresses(socket.gethostname(), socket.AF_INET))")
    assert said == "['127.0.0.1']"


@pytest.mark.parametrize(("family", "address"), [("AF_INET", "127.0.0.1"), ("AF_INET6", "::1")], ids=["ipv4", "ipv6"])
def test_a_program_that_asks_for_configured_families_gets_them(run: Run, family: str, address: str) -> None:
    said = run(f"isolation.enter(); print(addresses('{address}', socket.{family}, flags=socket.AI_ADDRCONFIG))")
    assert said == f"['{address}']"


@pytest.mark.parametrize("name", names.ZONE)
def test_a_program_resolves_the_names_of_the_zone_in_their_order(run: Run, name: str) -> None:
    said = run(f"""
        isolation.enter()
        with names.serve():
            print(program("for entry in socket.getaddrinfo('{name}', 80, type=socket.SOCK_STREAM): print(entry[4][0])"))
    """)
    assert said.split() == [address for kind in ("AAAA", "A") for address in names.ZONE[name].get(kind, ())]


def test_an_unknown_name_is_refused_by_the_name_server_and_not_by_a_clock(run: Run) -> None:
    said = run(f"""
        isolation.enter()
        messages, answer = [], names.answer
        names.answer = lambda message: messages.append(message) or answer(message)
        with names.serve():
            print(program("socket.getaddrinfo('{names.UNKNOWN}', 80)"), len(messages))
    """)
    assert said.split() == [str(socket.EAI_NONAME), "2"]  # asked once for A and once for AAAA: nothing repeated


def test_the_name_service_daemon_of_the_machine_is_out_of_reach(run: Run) -> None:
    said = run("isolation._NSCD = '/usr/share'; isolation.enter(); print(os.listdir('/usr/share'))")
    assert said == "[]"


def test_what_is_on_top_of_etc_is_there_inside_only(run: Run) -> None:
    before = Path("/etc/resolv.conf").read_bytes(), mounts_on_etc()
    said = run("""
        before = mounts()
        isolation.enter()
        print(*mounts()[len(before):], Path("/etc/resolv.conf").read_text().split()[1])
    """)
    assert said == "/etc 127.0.0.1"
    assert (Path("/etc/resolv.conf").read_bytes(), mounts_on_etc()) == before


def test_a_machine_that_lacks_the_files_or_replaces_them_meanwhile_makes_no_difference(run: Run) -> None:
    said = run(
        """
        outside = subprocess.Popen("read now; echo nameserver ::2 > /etc/new; mv /etc/new /etc/resolv.conf",
                                   shell=True, stdin=subprocess.PIPE)
        isolation.enter()
        outside.communicate(b"now\\n")
        print(outside.returncode, Path("/etc/resolv.conf").read_text().split()[1])
        """,
        before="""exec unshare --mount sh -c 'mount -t tmpfs tmpfs /etc && exec "$@"' sh""",
    )
    assert said == "0 127.0.0.1"


def test_a_machine_that_shares_its_mounts_gets_none_of_ours(run: Run) -> None:
    said = run(
        """
        before = Path("/etc/resolv.conf").read_bytes()
        outside = subprocess.Popen(["sh", "-c", "read now; cat /etc/resolv.conf"], stdin=-1, stdout=-1)
        isolation.enter()
        print(outside.communicate(b"now\\n")[0] == before)
        """,
        before="exec unshare --mount --propagation shared",
    )
    assert said == "True"


def test_a_program_may_read_our_files(run: Run) -> None:
    said = run("""
        isolation.enter()
        print(program("print(open('/etc/hosts').readline(), open('/etc/resolv.conf').readline())"))
    """)
    assert said.split() == ["127.0.0.1", "localhost", "nameserver", "127.0.0.1"]


def test_the_rest_of_etc_is_the_machine_s(run: Run) -> None:
    said = run("isolation.enter(); print(Path('/etc/passwd').read_bytes())")
    assert said == str(Path("/etc/passwd").read_bytes())


def test_nothing_is_left_behind(run: Run) -> None:
    run("isolation.enter()")
    assert not any(Path(isolation._STAGE, path).exists() for path in ("etc/nsswitch.conf", "empty"))


def test_no_child_of_ours_is_left(run: Run) -> None:
    assert run("isolation.enter(); print(Path(f'/proc/self/task/{os.getpid()}/children').read_text())") == ""


TRY = """
before = state()
entered = isolation.enter()
print(entered.kind, entered.reason, state() == before, sep=" | ")
"""
OBSTACLES = {
    "mount tmpfs over /no/such/directory: No such file or directory": "isolation._STAGE = '/no/such/directory'",
    "the working directory: No such file or directory": "os.chdir(gone := tempfile.mkdtemp()); os.rmdir(gone)",
    "the child that prepares it was killed": "isolation._prepare = lambda: os.kill(os.getpid(), 9)",
    "setns: Bad file descriptor": "isolation.os.pidfd_open = lambda child: os.open('/', os.O_PATH)",
    "the process already has several threads": "threading.Thread(target=threading.Event().wait, daemon=True).start()",
}


@pytest.mark.parametrize("reason", OBSTACLES)
def test_where_a_step_is_refused_the_reason_is_told_and_the_process_stays_as_it_was(run: Run, reason: str) -> None:
    said = run(OBSTACLES[reason] + TRY)
    assert said == f"this machine | {reason} | True"


def test_a_kernel_that_gives_no_namespaces_is_told_and_the_process_stays_as_it_was(run: Run) -> None:
    said = run(TRY, before=NO_MORE_NETWORKS)
    assert said == "this machine | unshare: No space left on device | True"


def test_a_process_that_could_not_enter_still_reaches_the_machine(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        said = run(
            "isolation.enter(); print(connects(int(sys.argv[1])))", outside.getsockname()[1], before=NO_MORE_NETWORKS
        )
    assert said == "True"


def test_ipv6_is_not_claimed_where_a_socket_cannot_have_the_address(run: Run) -> None:
    said = run("print(isolation.ipv6_works())", before="exec unshare --net")  # there lo is down, and has no address yet
    assert said == "False"
