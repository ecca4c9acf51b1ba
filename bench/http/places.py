"""What client, proxies and origin agree on. Standard library alone."""

from bench.places import ROOT

HTTP_PYTHON = ROOT / ".venv-http/bin/python"
PAGE, BODY = "/a/page", 4_000  # the page that is fetched, and its bytes
LARGE_PAGE, LARGE = "/large", 64 * 1024 * 1024
HOSTS = tuple(f"h{number}.site.example" for number in range(8))
NEVER_ASKED = "never.site.example"  # blocked; nobody serves it
PUPIL, READ = "127.0.0.1", "127.0.0.30"  # clients that are spliced, and that are inspected
