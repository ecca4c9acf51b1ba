"""The world of the HTTP filter's tests: a daemon, two workers, three sites, four groups."""

from contextlib import contextmanager

from tests.support.http_world import BODY, World, http_filter, site
from tests.support.node import eventually, filterd, node
from tests.support.servers import free_port
from tests.support.tls import make_authority

PUPIL, STAFF, READ, TOLD = "127.0.0.1", "127.0.0.18", "127.0.0.30", "127.0.0.40"
NAMES = tuple(f"{name}.site.example" for name in ("open", "blocked", "bank", "ordered", "other"))
PAGE = BODY.decode()
TITLE = "Trang này trường chưa mở"  # the school's own words
GROUPS = {
    "pupils": {"age": 10},
    "staff": {"age": 18, "filtered": False, "networks": [f"{STAFF}/32"]},
    "read": {"age": 10, "networks": [f"{READ}/32"]},
    "told": {"age": 10, "networks": [f"{TOLD}/32"]},
}


@contextmanager
def filtered(folder, other, resolver, python):
    """Run it in `folder` until the block ends; `other` is for an authority that nobody trusts."""
    authority, proxy = make_authority(folder), free_port()
    (folder / "pages.txt").write_text("http://open.site.example/secret/page\n")
    (folder / "order.txt").write_text("ordered.site.example\n")
    (folder / "words").mkdir()
    (folder / "words/vi.toml").write_text(f'[rule.primary]\ntitle = "{TITLE}"\n')
    certificate = authority.issue(*NAMES, "127.0.0.1")
    bad = make_authority(other).issue(*NAMES)
    with site(certificate) as tls, site() as plain, site(bad) as wrong:
        changes = _config(resolver, python, proxy, (tls, plain, wrong), authority)
        with node(folder, changes) as daemon:
            made = filterd("http", "ca", "new", "-c", str(daemon.config))
            assert made.returncode == 0, made.stderr
            eventually((daemon.state / "http/ruling.json").exists)
            with http_filter(folder, proxy) as running:
                yield World(daemon, running, (tls, plain, wrong), authority)


def _config(resolver, python, proxy, sites, authority):
    return {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "records": ["*.site.example A 127.0.0.1"],
        "privacy": {"level": "full"},
        "default_group": "pupils",
        "groups": GROUPS,
        "block": ["blocked.site.example"],
        "lists": {
            "pages": {"format": "urls", "path": "pages.txt"},
            "order": {"format": "domains", "path": "order.txt", "mandatory": True},
        },
        "http": {
            "listen": {"explicit": [f"127.0.0.1:{proxy}", f"[::1]:{proxy}"]},
            "python": python,
            "workers": 2,
            "ports": [each.port for each in sites],
            "never_decrypt": ["bank.site.example"],
            "inspect": {"groups": ["read"], "explain": ["told"]},
            "upstream_ca": str(authority.ca_file),
            "page": {"words": "words"},
        },
    }
