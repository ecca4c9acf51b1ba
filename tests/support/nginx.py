"""A real nginx for one test, on loopback, with nothing outside its folder."""

import os
from contextlib import contextmanager

from tests.support.needs import program
from tests.support.servers import connects, free_port, running

# As docs/hub.md has it before a hub.
_HUB = """
client_max_body_size 1m;
location = /feed/events {{
  proxy_pass http://127.0.0.1:{hub}; proxy_buffering off; proxy_read_timeout 90s;
}}
{more}
location / {{
  proxy_pass http://127.0.0.1:{hub};
  proxy_set_header X-Forwarded-For $remote_addr;
}}
"""


@contextmanager
def serving(folder, server, more=""):
    """Run one whose first server says `server`; `more` is said beside it. Yields its port."""
    command, port = program("nginx", "nginx-light"), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nginx.conf").write_text(
        f"""
        daemon off; pid {folder}/nginx.pid; error_log stderr;
        {"user root;" if os.geteuid() == 0 else ""}
        events {{ worker_connections 256; }}
        http {{
          access_log off;
          client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
          fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
          server {{
            listen 127.0.0.1:{port};
            {server}
          }}
          {more}
        }}"""
    )
    words = [command, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    with running(words, folder / "nginx.log", lambda: connects(port)):
        yield port


def before_hub(folder, hub_port, more=""):
    """Run one before the hub as its manual has it, with `more` locations; yields its port."""
    return serving(folder, _HUB.format(hub=hub_port, more=more))
