from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner

from wireswarm.errors import ConfigurationError, UsageError
from wireswarm.target.command import main, target
from wireswarm.target.settings import TargetSettings


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--latency", "soon"], "Invalid value for '--latency': not a duration: 'soon' (write it as 1500ms, 20s,"),
        (["--jitter", "-1s"], "Invalid value for '--jitter': not a duration: '-1s'"),
        (["--jitter", "5ms"], "jitter is 0.005 s: it must be from 0 to the latency, 0 s"),
        (["--error-rate", "2"], "Invalid value for '--error-rate': 2.0 is not in the range 0<=x<=1."),
        (["--error-rate", "nan"], "error rate is nan: it must be from 0 to 1"),
        (["--capacity", "many"], "Invalid value for '--capacity': the rate 'many' (write it as 300/s)"),
        (["--capacity", "1m:5/s"], "Invalid value for '--capacity': found stages; write one rate, such as 300/s"),
        (["--sio-ping-interval", "0"], "the Socket.IO ping interval is 0 s: it must be 0.001 s or longer"),
        (["--sio-ping-timeout", "0s"], "the Socket.IO ping timeout is 0 s: it must be 0.001 s or longer"),
        (["--sio-connect-timeout", "never"], "Invalid value for '--sio-connect-timeout': not a duration: 'never'"),
        (["--port", "65536"], "Invalid value for '--port': 65536 is not in the range 0<=x<=65535."),
        (["--seed", "x"], "Invalid value for '--seed': 'x' is not a valid integer."),
        (["--nonsense"], "No such option"),
        (["nonsense"], "Got unexpected extra argument (nonsense)"),
    ],
)
def test_a_bad_option_is_one_line_and_exit_2(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"error: {problem}")
    assert output.err.count("\n") == 1


def test_the_same_as_a_part_of_another_command() -> None:
    result = CliRunner().invoke(target, ["--latency", "soon"])
    assert result.exit_code == 2
    assert result.output.count("\n") == 1


def test_help_needs_no_extra() -> None:
    missing = "sys.modules['uvicorn'] = sys.modules['starlette'] = sys.modules['websockets'] = None"
    ran = python(f"import sys; {missing}; sys.modules['socketio'] = None", ["--help"])
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "--error-rate" in ran.stdout


@pytest.mark.parametrize("missing", ["uvicorn", "starlette", "websockets"])
def test_a_missing_extra_is_named(missing: str) -> None:
    ran = python(f"import sys; sys.modules['{missing}'] = None", ["--port", "0"])
    assert ran.returncode == 2
    assert ran.stderr == "error: the reference target needs its extra: pip install 'wireswarm[target]'\n"


def test_another_missing_module_is_not_blamed_on_the_extra() -> None:
    ran = python("import sys; sys.modules['wireswarm.target.chater'] = None", ["--port", "0"])
    assert ran.returncode == 1
    assert "ModuleNotFoundError" in ran.stderr


def test_nothing_but_the_target_loads_python_socketio() -> None:
    ran = python("import sys, wireswarm.cli, wireswarm.target.command; print('socketio' in sys.modules)", ["--help"])
    assert ran.stdout.startswith("False\n"), ran.stderr


def test_the_target_does_not_load_locust() -> None:
    ran = python("import sys, wireswarm.target.server; print('locust' in sys.modules)", ["--help"])
    assert ran.stdout.startswith("False\n")


def test_a_process_with_gevents_patches_is_refused() -> None:
    # This one, see tests/conftest.py.
    from wireswarm.target.server import serve

    with pytest.raises(UsageError, match=r"^the target needs a process of its own: gevent"):
        serve(TargetSettings(), "127.0.0.1", 0)


def test_a_port_in_use_is_said() -> None:
    from wireswarm.target.server import bind

    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ConfigurationError) as error:
            bind("127.0.0.1", port)
    assert error.value.problems == (
        f"port {port} is in use on 127.0.0.1: stop what uses it or pass --port with another one",
    )
    # And it is free again at once, although a connection of it may linger.
    bind("127.0.0.1", port).close()


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("a..b", "cannot listen on a..b: the name does not resolve"),
        # TEST-NET-1: nobody's address.
        ("192.0.2.1", f"cannot listen on port 8000 of 192.0.2.1: {os.strerror(errno.EADDRNOTAVAIL)}"),
    ],
)
def test_an_address_that_is_not_ours(host: str, problem: str) -> None:
    from wireswarm.target.server import bind

    with pytest.raises(ConfigurationError) as error:
        bind(host, 8000)
    assert error.value.problems == (problem,)


def test_ipv6() -> None:
    from wireswarm.target.server import bind

    try:
        listener = bind("::1", 0)
    except ConfigurationError:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert listener.family is socket.AF_INET6


def python(first: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, after some other code."""
    code = f"{first}\nfrom wireswarm.target.command import main\nmain({arguments!r})"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False, env=os.environ
    )
