"""`filterd setup`: running other programs, whose failing is one line and no end of setup."""

import subprocess
from collections.abc import Mapping, Sequence


def ran(
    words: Sequence[str], seconds: float, *, given: str = "", env: Mapping[str, str] | None = None
) -> tuple[str, str | None]:
    """Return what a program printed, and why it failed, if it did: it is not there, said so itself,
    or was not done after `seconds`. `given` goes in on its input.
    """
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands
            words,
            input=given,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            env=env,
        )
    except subprocess.TimeoutExpired:
        return "", f"not done after {seconds:.0f} s"
    except OSError as error:
        return "", error.strerror or str(error)
    if done.returncode:
        return done.stdout, done.stderr.strip()[-500:] or f"exit code {done.returncode}"
    return done.stdout, None
