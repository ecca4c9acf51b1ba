"""Whose a node's files are: a command typed as root works in a folder of somebody else."""

import getpass
import os
import pwd
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from filterd.app.paths import Paths


def become_owner(paths: Paths) -> None:
    """Where root runs this, go on for good as the account that the node's files belong to.

    For commands that write into the state directory. The daemon must be able to go on with what
    they leave, and who may write in that folder must not choose, by a link, what root overwrites or
    gives away. Nothing changes where root owns it or it is not there. OSError: the kernel refuses.
    """
    found = _account(paths)
    if found is not None:
        user, group, groups = found
        os.setgroups(groups)
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)


@contextmanager
def as_owner(paths: Paths) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Be that account for the block, and give what is root again for a block within: for what needs
    a right of root's in the middle of writing. OSError, as above.
    """
    found = _account(paths)
    if found is None:
        yield nullcontext
        return
    before = (os.geteuid(), os.getegid(), os.getgroups())

    @contextmanager
    def as_root() -> Iterator[None]:
        _regain(*before)
        try:
            yield
        finally:
            _lend(*found)

    _lend(*found)
    try:
        yield as_root
    finally:
        _regain(*before)


def give_to_owner(paths: Paths, *made: Path) -> None:
    """Where root runs this, give that account what was made elsewhere for it: in a folder that it
    may not write to itself. OSError.
    """
    owner = _owner(paths) if os.geteuid() == 0 else None
    if owner is not None:
        for each in made:
            os.chown(each, owner.st_uid, owner.st_gid, follow_symlinks=False)


def who_types() -> str:
    """Return the login of who typed the command, behind `sudo` too: it is noted as who decided."""
    return (os.environ.get("SUDO_USER") if os.geteuid() == 0 else None) or getpass.getuser()


def _account(paths: Paths) -> tuple[int, int, Sequence[int]] | None:
    """Return user, group and groups of the owner; None: root does not run this, or is the owner."""
    owner = _owner(paths) if os.geteuid() == 0 else None
    if owner is None or owner.st_uid == 0:
        return None
    try:
        account = pwd.getpwuid(owner.st_uid)
    except KeyError:  # a number without a name, as in a container
        return owner.st_uid, owner.st_gid, ()
    group = account.pw_gid
    return owner.st_uid, group, os.getgrouplist(account.pw_name, group)


def _lend(user: int, group: int, groups: Sequence[int]) -> None:
    os.setgroups(groups)
    os.setegid(group)
    os.seteuid(user)


def _regain(user: int, group: int, groups: Sequence[int]) -> None:
    os.seteuid(user)  # first, for only root may do the rest
    os.setegid(group)
    os.setgroups(groups)


def _owner(paths: Paths) -> os.stat_result | None:
    # A daemon that root started in somebody's folder made files of root's there; its socket tells.
    try:
        control = os.lstat(paths.control)
        return control if stat.S_ISSOCK(control.st_mode) else paths.state.stat()
    except FileNotFoundError:
        pass
    try:
        return paths.state.stat()
    except FileNotFoundError:
        return None
