"""The dashboard of a provider, further down: upstream servers, orders and reports."""

from deploy.grafana.board import Color, Kind, Panel, Query, Row, Text, stat
from deploy.grafana.shared import (
    disk_free,
    failed_checks,
    orders_not_in_force,
    upstream_failures,
)
from deploy.grafana.words import LATENCY

_HERE = 'instance=~"$instance"'
_EACH = "{{instance}}"

UPSTREAM = Row(
    Text("Máy chủ phía trên", "Upstream servers"),
    (
        Panel(
            Kind.LINES,
            Text("p99 theo máy chủ", "p99 by server"),
            Text("Mười máy chủ chậm nhất.", "The ten slowest."),
            (
                Query(
                    f"topk(10, max by (server) (instance_server:filterd_upstream_latency_seconds:p99_rate5m{{{_HERE}}}))",
                    "{{server}}",
                ),
            ),
            unit="s",
            steps=LATENCY,
        ),
        Panel(
            Kind.BARS,
            Text("Máy chủ đang trả lời", "Servers that answer"),
            Text("Phần nút mà máy chủ này trả lời.", "Share of the nodes that it answers."),
            (Query(f"topk(10, avg by (server) (filterd_upstream_up{{{_HERE}}}))", "{{server}}"),),
            unit="percentunit",
            most=1,
            decimals=0,
            steps=((None, Color.BAD), (0.99, Color.GOOD)),
        ),
        upstream_failures(
            _HERE,
            Text("Lỗi, mỗi giây", "Failures, a second"),
            Text("Theo loại lỗi.", "By kind."),
        ),
    ),
)

ORDERS = Row(
    Text("Lệnh và báo cáo", "Orders and reports"),
    (
        Panel(
            Kind.LINES,
            Text("Lệnh đang thi hành", "Orders in force"),
            Text("Theo nút; mọi nút phải như nhau.", "By node; all should have the same."),
            (Query(f'sum by (instance) (filterd_feed_orders{{state="enforced",{_HERE}}})', _EACH),),
        ),
        Panel(
            Kind.LINES,
            Text("Chờ gửi tới trung tâm", "Waiting for the hub"),
            Text("Biên nhận và báo cáo, của mọi nút.", "Receipts and reports, of all nodes."),
            (
                Query(
                    f'sum(filterd_report_waiting{{lane="receipts",{_HERE}}})',
                    Text("biên nhận", "receipts"),
                ),
                Query(
                    f'sum(filterd_report_waiting{{lane="batches",{_HERE}}})',
                    Text("báo cáo", "batches"),
                ),
            ),
            nothing=Text("Không gửi báo cáo.", "Nothing is reported."),
        ),
        failed_checks(_HERE),
        orders_not_in_force(
            _HERE,
            Text("Bị từ chối hoặc giữ lại, ở mọi nút.", "Refused or held back, at all nodes."),
        ),
        disk_free(_HERE, Text("Nút ít nhất.", "The node that has least.")),
        stat(
            Text("Tuổi quy tắc", "Age of the rules"),
            Text("Nút có quy tắc cũ nhất.", "The node with the oldest."),
            f"max(filterd_rule_age_seconds{{{_HERE}}})",
            unit="s",
            decimals=0,
        ),
    ),
)
