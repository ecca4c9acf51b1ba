"""Panels that a school and a provider both have. `here`: which nodes, as a selector of Prometheus."""

from deploy.grafana.board import Color, Kind, Panel, Query, Text, stat
from deploy.grafana.words import FAILURES, NONE_IS_GOOD

NO_FEED = Text("không theo nguồn", "no feed")


def failed_checks(here: str) -> Panel:
    """Return the tile of test names that were answered wrongly."""
    return stat(
        Text("Kiểm tra sai", "Failed checks"),
        Text(
            "Tên kiểm tra được trả lời sai, trong khoảng thời gian đang xem.",
            "Test names answered wrongly, in the time that is shown.",
        ),
        f"sum(increase(filterd_feed_failed_checks_total{{{here}}}[$__range]))",
        decimals=0,
        steps=NONE_IS_GOOD,
        nothing=NO_FEED,
    )


def orders_not_in_force(here: str, about: Text) -> Panel:
    """Return the tile of orders that are refused or held back."""
    return stat(
        Text("Lệnh không thi hành", "Orders not in force"),
        about,
        f'sum(filterd_feed_orders{{state="refused",{here}}}) + sum(filterd_feed_held_orders{{{here}}})',
        steps=NONE_IS_GOOD,
        nothing=NO_FEED,
    )


def disk_free(here: str, about: Text) -> Panel:
    """Return the tile of the room on the disk."""
    return stat(
        Text("Đĩa còn trống", "Disk that is free"),
        about,
        f"min(instance:filterd_disk_free:ratio{{{here}}})",
        unit="percentunit",
        decimals=0,
        steps=((None, Color.BAD), (0.1, Color.LOOK), (0.2, Color.GOOD)),
    )


def upstream_failures(here: str, title: Text, about: Text) -> Panel:
    """Return the panel of what goes wrong where upstream servers are asked."""
    return Panel(
        Kind.LINES,
        title,
        about,
        (
            Query(
                f"sum by (reason) (rate(filterd_upstream_failures_total{{{here}}}[$__rate_interval])) > 0",
                "{{reason}}",
            ),
        ),
        words=FAILURES,
        stacked=True,
        nothing=Text("Không có lỗi.", "No failures."),
    )
