"""The lists floor wired to a configuration: what the daemon and `filterd lists` both use."""

import asyncio
import random
import time
from collections.abc import Callable, Collection, Mapping

from filterd.app.paths import Paths
from filterd.app.ruling import list_specs
from filterd.config.schema import Config
from filterd.lists.compile import Compilation, compile_current
from filterd.lists.compile import Progress as CompileProgress
from filterd.lists.durable import locked
from filterd.lists.gate import Bounds, Guard
from filterd.lists.index_store import IndexStore, Loaded
from filterd.lists.store import ListStore
from filterd.lists.wanted import Outcome, Wanted
from filterd.model.group import RuleBook

Progress = Callable[[str, int, int | None], None]  # list, bytes so far, of how many

# Names of everyday use that no general list should block; a list for a category or an order may.
EVERYDAY = (
    "google.com",
    "www.google.com",
    "www.google.com.vn",
    "youtube.com",
    "facebook.com",
    "zalo.me",
    "wikipedia.org",
    "vi.wikipedia.org",
    "microsoft.com",
    "www.office.com",
    "windowsupdate.com",
    "apple.com",
    "github.com",
    "raw.githubusercontent.com",
    "cloudflare.com",
    "akamai.net",
    "amazonaws.com",
    "debian.org",
    "vnexpress.net",
    "tuoitre.vn",
    "thanhnien.vn",
    "vtv.vn",
    "shopee.vn",
    "momo.vn",
)


def wanted_lists(config: Config, book: RuleBook) -> tuple[Wanted, ...]:
    """Return every configured list with its refresh time and pinned content."""
    default = config.lists_fetch.refresh
    return tuple(
        Wanted(
            spec,
            each.refresh if (each := config.lists[spec.name]).refresh is not None else default,
            each.sha256,
        )
        for spec in list_specs(config, book)
    )


async def update_lists(  # noqa: PLR0913 - what to update, and how to tell of it
    config: Config,
    book: RuleBook,
    paths: Paths,
    *,
    names: Collection[str] | None = None,
    force: Collection[str] = (),
    progress: Progress | None = None,
) -> tuple[Outcome, ...]:
    """Fetch, check and keep the lists called `names` (None: all).

    Raises:
        RulesError: another process is changing the lists.
        OSError: the state directory cannot be written.
    """
    # The HTTP client alone takes longer to load than all that answers queries, which come first.
    from filterd.lists.fetch import Fetcher, Limits  # noqa: PLC0415
    from filterd.lists.remote import open_client  # noqa: PLC0415
    from filterd.lists.update import Updater  # noqa: PLC0415

    fetch = config.lists_fetch
    limits = Limits(plain_bytes=fetch.max_size, total_seconds=fetch.timeout)
    rng = random.SystemRandom()
    wanted = wanted_lists(config, book)
    chosen = [each for each in wanted if names is None or each.spec.name in names]
    with locked(paths.state):
        async with open_client(parallel=fetch.parallel) as client:
            updater = Updater(
                store=ListStore(paths.state),
                fetcher=Fetcher(client, rng, limits),
                clock=time.time,
                rng=rng,
                bounds=Bounds(
                    max_shrink=fetch.gate.max_shrink,
                    max_refused=fetch.gate.max_refused,
                    min_rules=fetch.gate.min_rules,
                ),
                guard=Guard(must=book.must_not_block, top=EVERYDAY),
                parallel=fetch.parallel,
            )
            return await updater.update(chosen, force=force, progress=progress)


async def compile_lists(
    config: Config,
    book: RuleBook,
    paths: Paths,
    *,
    known: Loaded | None = None,
    progress: CompileProgress | None = None,
) -> Compilation:
    """Compile the versions in use unless that is done already. `known` is an index that is open,
    and so need not be verified again.

    Raises:
        RulesError: it cannot be done; the index in use stays.
        OSError: the state directory cannot be written.
    """
    rules = IndexStore(paths.state)
    with locked(paths.state):
        right = known is not None and known.problem is None
        if known is None or not right or known.generation.number != rules.pointer().current:
            await asyncio.to_thread(rules.discard_damaged)
        return await compile_current(
            list_specs(config, book),
            ListStore(paths.state),
            rules,
            now=time.time(),
            progress=progress,
        )


def refused_by_code(outcome: Outcome) -> Mapping[str, int]:
    """Return how many lines were refused, by code."""
    return dict(outcome.summary.refused) if outcome.summary is not None else {}
