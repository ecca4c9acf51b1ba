"""Whose a node's files are: a command typed as root works in a folder of somebody else."""

import getpass
import os
import pwd
import stat
from pathlib import Path

from filterd.app.paths import Paths


def become_owner(paths: Paths) -> None:
    """Where root runs this, go on for good as the account that the node's files belong to.

    For commands that write into the state directory. The daemon must be able to go on with what
    they leave, and who may write in that folder must not choose, by a link, what root overwrites or
    gives away. Nothing changes where root owns it or it is not there. OSError: the kernel refuses.
    """
    owner = _owner(paths) if os.geteuid() == 0 else None
    if owner is None or owner.st_uid == 0:
        return
    try:
        account = pwd.getpwuid(owner.st_uid)
        group, groups = account.pw_gid, os.getgrouplist(account.pw_name, account.pw_gid)
    except KeyError:  # a number without a name, as in a container
        group, groups = owner.st_gid, []
    os.setgroups(groups)
    os.setresgid(group, group, group)
    os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)


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
