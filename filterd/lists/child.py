"""The child process that reads and compiles lists, so that answering queries never waits.

One job comes as a line of JSON on stdin; progress and then one result or error go as lines of
JSON to stdout. When stdin ends, the parent is gone and the child ends too.

Its memory is the text of the largest list and some 100 MB, however many rules there are: names
beyond that wait on disk, in a file without a name beside the index.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from filterd.core import IndexBuilder
from filterd.formats.base import Format
from filterd.formats.registry import by_name
from filterd.lists.inspection import inspect
from filterd.lists.requests import compile_requests
from filterd.model.errors import FilterdError, RulesError
from filterd.model.group import ListSpec
from filterd.model.orphan import end_with_parent
from filterd.model.priority import stand_behind
from filterd.policy.lists_index import compile_lists

Json = dict[str, Any]
Progress = Callable[[str, int, int], None]  # of what, done, of how many


def main() -> int:
    """Do the one job on stdin; exit status 0 when it was answered."""
    stand_behind()
    line = sys.stdin.buffer.readline()
    end_with_parent()
    try:
        _say({"result": do_job(json.loads(line), lambda *step: _say({"progress": step}))})
    except (FilterdError, OSError) as error:
        _say({"error": str(error)})
    except MemoryError:
        _say({"error": "not enough memory to read the list"})
    return 0


def do_job(job: Json, progress: Progress) -> Json:
    """Do one job (see `compile.py` for what is in it) and return its result.

    Raises:
        RulesError: no such job, or a list that cannot be read.
        OSError: a file that cannot be read or written.
    """
    match job["job"]:
        case "inspect":
            spec, path = ListSpec(**job["spec"]), Path(job["path"])
            return asdict(inspect(spec, path.read_bytes(), job["names"]))
        case "compile":
            return _compile(job, progress)
        case "compile-requests":
            texts = [(ListSpec(**s["spec"]), Path(s["path"]).read_bytes()) for s in job["sources"]]
            return {"lists": compile_requests(job["kind"], texts, Path(job["target"]))}
        case other:
            raise RulesError(f"no such job: {other}")


def _compile(job: Json, progress: Progress) -> Json:
    target = job["target"]
    builder = IndexBuilder(lines=True, scratch=target)
    compiled = compile_lists(_sources(job["sources"]), builder, progress=progress)
    builder.write(target, compiled.meta, lambda done, total: progress("the index", done, total))
    counts = [
        {
            "name": report.name,
            "format": report.format,
            "accepted": report.accepted,
            "comments": report.comments,
            "refused": report.refused,
        }
        for report in compiled.reports
    ]
    return {"lists": counts}


def _sources(sources: list[Json]) -> Iterator[tuple[ListSpec, bytes, Format]]:
    """One list in memory at a time."""
    for source in sources:
        form = by_name(source["format"])
        spec = replace(ListSpec(**source["spec"]), format=form.name)
        yield spec, Path(source["path"]).read_bytes(), form


def _say(message: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
