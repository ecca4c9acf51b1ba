"""Making a snapshot of the log, in a child process of the hub.

    python -m filterd.hub.summing < job.json

One job comes as a line of JSON on stdin, one result or error goes to stdout; when stdin ends, the
parent is gone and the child ends too. Whatever it has written by then counts for nothing: the
statement is replaced last.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filterd.config.hub import LogKeyConfig
from filterd.feed.publish import Log
from filterd.feed.standing import read_standing
from filterd.feed.summing import publish_snapshot
from filterd.hub.keeper import Environ, open_keeper
from filterd.model.errors import FilterdError
from filterd.model.orphan import end_with_parent

NICE = 10


def make_snapshot(job: Mapping[str, Any], environ: Environ) -> dict[str, int]:
    """Do the job; return what came of it.

    Raises:
        FilterdError: the log is damaged, or its key cannot be used.
        OSError: the snapshot before stays the one that counts.
    """
    feed = Path(job["feed"])
    key = LogKeyConfig.model_validate(
        {"key": job["key"], "passphrase_file": job["passphrase_file"]}
    )
    policy = read_standing(feed).policy
    log = Log.open(feed, policy.log, open_keeper(feed, key, environ), policy.canaries)
    made = publish_snapshot(log)
    return {"size": made.size, "bytes": made.length}


def main() -> int:
    """Do the one job on stdin; exit status 0 when it was answered."""
    os.nice(NICE)
    line = sys.stdin.buffer.readline()
    end_with_parent()
    answer: dict[str, Any]
    try:
        answer = {"result": make_snapshot(json.loads(line), os.environ)}
    except (FilterdError, OSError) as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": "not enough memory for a snapshot of the log"}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
