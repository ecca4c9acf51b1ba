"""The dashboard of a provider's resolvers: how each does, and whether all enforce the same."""

from deploy.grafana.board import Board, Color, Kind, Panel, Query, Row, Text, Variable, stat
from deploy.grafana.gateway import NODES as GATEWAYS
from deploy.grafana.isp_orders import ORDERS, UPSTREAM
from deploy.grafana.words import LATENCY, NONE_IS_GOOD, STEP_COLORS, STEPS

_HERE = 'instance=~"$instance"'
_EACH = "{{instance}}"

_TILES = Row(
    None,
    (
        stat(
            Text("Nút đang chạy", "Nodes up"),
            Text("Phần nút trả lời Prometheus.", "Share that answers Prometheus."),
            f'avg(up{{job="filterd",{_HERE}}})',
            unit="percentunit",
            decimals=0,
            steps=((None, Color.BAD), (0.5, Color.LOOK), (1, Color.GOOD)),
        ),
        stat(
            Text("Cảnh báo", "Alerts"),
            Text("Cảnh báo đang có ở các nút này.", "Alerts that fire at these nodes."),
            f'count(ALERTS{{alertstate="firing",{_HERE}}}) or vector(0)',
            steps=NONE_IS_GOOD,
        ),
        stat(
            Text("Truy vấn mỗi giây, tổng", "Queries a second, all"),
            Text("Tổng các nút, trung bình 5 phút.", "Of all nodes, on average over five minutes."),
            f"sum(instance:filterd_queries:rate5m{{{_HERE}}})",
            decimals=1,
        ),
        stat(
            Text("Tỷ lệ bị chặn", "Blocked share"),
            Text(
                "Của tất cả câu hỏi trong 5 phút qua.", "Of all questions of the last five minutes."
            ),
            f"sum(instance:filterd_blocks:rate5m{{{_HERE}}}) / sum(instance:filterd_decisions:rate5m{{{_HERE}}})",
            unit="percentunit",
            decimals=2,
        ),
        stat(
            Text("p99 phía trên", "Upstream p99"),
            Text("Nút chậm nhất.", "Of the slowest node."),
            f"max(instance:filterd_upstream_latency_seconds:p99_rate5m{{{_HERE}}})",
            unit="s",
            steps=LATENCY,
            nothing=Text("không trả lời", "no answers"),
        ),
        stat(
            Text("Chậm hơn sổ lệnh", "Behind in the log"),
            Text(
                "Số đoạn sổ lệnh mà nút chậm nhất chưa có so với nút mới nhất.",
                "Segments of the log that the last node lacks of what the first has.",
            ),
            f"max(instance:filterd_feed_segments:behind{{{_HERE}}})",
            steps=((None, Color.GOOD), (1, Color.LOOK), (10, Color.BAD)),
            nothing=Text("không theo nguồn", "no feed"),
        ),
    ),
)

_NODES = Row(
    Text("Từng nút", "Each node"),
    (
        Panel(
            Kind.TABLE,
            Text("Các nút", "Nodes"),
            Text(
                "Mỗi dòng một nút; bấm tên cột để sắp xếp.",
                "A line for each; click a column to sort.",
            ),
            (
                Query(
                    f'max by (instance) (filterd_ready{{{_HERE}}} or up{{job="filterd",{_HERE}}})',
                    Text("sẵn sàng", "ready"),
                    "bool_yes_no",
                    ((None, Color.BAD), (1, Color.GOOD)),
                ),
                Query(
                    f"max by (instance) (instance:filterd_queries:rate5m{{{_HERE}}})",
                    Text("truy vấn/s", "queries/s"),
                    "short",
                ),
                Query(
                    f"max by (instance) (instance:filterd_blocks:ratio_rate5m{{{_HERE}}})",
                    Text("bị chặn", "blocked"),
                    "percentunit",
                ),
                Query(
                    f"max by (instance) (instance:filterd_cache_hits:ratio_rate5m{{{_HERE}}})",
                    Text("từ bộ nhớ", "from cache"),
                    "percentunit",
                ),
                Query(
                    f"max by (instance) (instance:filterd_upstream_latency_seconds:p99_rate5m{{{_HERE}}})",
                    Text("p99 phía trên", "upstream p99"),
                    "s",
                    LATENCY,
                ),
                Query(
                    f'max by (instance) (filterd_feed_orders{{state="enforced",{_HERE}}})',
                    Text("lệnh", "orders"),
                    "short",
                ),
                Query(
                    f"max by (instance) (filterd_feed_age_seconds{{{_HERE}}})",
                    Text("tuổi nguồn", "feed age"),
                    "s",
                    ((None, Color.GOOD), (7200, Color.LOOK), (10_800, Color.BAD)),
                ),
                Query(
                    f"clamp_min(time() - max by (instance) (filterd_start_time_seconds{{{_HERE}}}), 0)",
                    Text("chạy từ", "running for"),
                    "s",
                ),
            ),
            width=24,
            by="instance",
            by_name=Text("nút", "node"),
        ),
        Panel(
            Kind.LINES,
            Text("Truy vấn mỗi giây", "Queries a second"),
            Text("Theo nút.", "By node."),
            (Query(f"sum by (instance) (instance:filterd_queries:rate5m{{{_HERE}}})", _EACH),),
            stacked=True,
        ),
        Panel(
            Kind.LINES,
            Text("Từ bộ nhớ", "From the cache"),
            Text(
                "Phần câu hỏi mà bộ nhớ trả lời, theo nút.",
                "Share of questions that the cache answers, by node.",
            ),
            (
                Query(
                    f"max by (instance) (instance:filterd_cache_hits:ratio_rate5m{{{_HERE}}})",
                    _EACH,
                ),
            ),
            unit="percentunit",
            most=1,
        ),
        Panel(
            Kind.LINES,
            Text("SERVFAIL", "SERVFAIL"),
            Text(
                "Phần câu trả lời là lỗi, theo nút.",
                "Share of the replies that are failures, by node.",
            ),
            (
                Query(
                    f"max by (instance) (instance:filterd_servfails:ratio_rate5m{{{_HERE}}})", _EACH
                ),
            ),
            unit="percentunit",
            steps=((None, Color.GOOD), (0.05, Color.BAD)),
        ),
    ),
)

_TRAFFIC = Row(
    Text("Lưu lượng", "Traffic"),
    (
        Panel(
            Kind.LINES,
            Text("Theo cửa, mỗi giây", "By door, a second"),
            Text("UDP, TCP, DoT, DoH.", "UDP, TCP, DoT, DoH."),
            (
                Query(
                    f"sum by (door) (rate(filterd_queries_total{{{_HERE}}}[$__rate_interval])) > 0",
                    "{{door}}",
                ),
            ),
            width=6,
            stacked=True,
        ),
        Panel(
            Kind.LINES,
            Text("Theo loại, mỗi giây", "By type, a second"),
            Text("Loại bản ghi được hỏi.", "The type that is asked for."),
            (
                Query(
                    f"topk(6, sum by (type) (rate(filterd_queries_by_type_total{{{_HERE}}}[$__rate_interval])) > 0)",
                    "{{type}}",
                ),
            ),
            width=6,
            stacked=True,
        ),
        Panel(
            Kind.LINES,
            Text("Mã trả lời, mỗi giây", "Response codes, a second"),
            Text("NOERROR, NXDOMAIN, SERVFAIL …", "NOERROR, NXDOMAIN, SERVFAIL …"),
            (
                Query(
                    f"sum by (rcode) (rate(filterd_replies_total{{{_HERE}}}[$__rate_interval])) > 0",
                    "{{rcode}}",
                ),
            ),
            width=6,
            stacked=True,
            colors={
                "SERVFAIL": Color.BAD,
                "NOERROR": Color.GOOD,
                "NXDOMAIN": Color.QUIET,
                "REFUSED": Color.LOOK,
            },
        ),
        Panel(
            Kind.LINES,
            Text("Vì sao bị chặn, mỗi giây", "Why something was blocked, a second"),
            Text("Bước của thứ tự ưu tiên.", "The step of the precedence list."),
            (
                Query(
                    f'sum by (step) (rate(filterd_verdicts_total{{verdict="block",{_HERE}}}[$__rate_interval])) > 0',
                    "{{step}}",
                ),
            ),
            width=6,
            words=STEPS,
            colors=STEP_COLORS,
            stacked=True,
            nothing=Text("Không có gì bị chặn.", "Nothing was blocked."),
        ),
    ),
)

_PRESSURE = Row(
    Text("Sức ép", "Pressure"),
    (
        Panel(
            Kind.LINES,
            Text("Đang chờ phía trên", "Waiting for upstream"),
            Text(
                "Câu hỏi đã gửi, và truy vấn chờ chúng.",
                "Questions asked, and queries that wait for them.",
            ),
            (
                Query(f"sum(filterd_misses_in_flight{{{_HERE}}})", Text("câu hỏi", "questions")),
                Query(
                    f"sum(filterd_queries_waiting{{{_HERE}}})",
                    Text("truy vấn chờ", "queries waiting"),
                ),
            ),
            width=6,
        ),
        Panel(
            Kind.LINES,
            Text("Bị bỏ, mỗi giây", "Turned away, a second"),
            Text(
                "Quá tải, cùng phần mà bộ bảo vệ giữ lại và gói UDP bị mất. Nên bằng 0.",
                "Overload, what the guard held back, and datagrams lost. Should be 0.",
            ),
            (
                Query(
                    f"sum(instance:filterd_turned_away:rate5m{{{_HERE}}})",
                    Text("quá tải", "overload"),
                ),
                Query(
                    f"sum(rate(filterd_guarded_total{{{_HERE}}}[5m]))", Text("bộ bảo vệ", "guard")
                ),
                Query(
                    f"sum(rate(filterd_udp_queries_lost_total{{{_HERE}}}[5m]))",
                    Text("UDP mất", "UDP lost"),
                ),
            ),
            width=6,
        ),
        Panel(
            Kind.LINES,
            Text("Kết nối TCP", "TCP connections"),
            Text("Đang mở, theo nút.", "Open, by node."),
            (Query(f"sum by (instance) (filterd_tcp_connections{{{_HERE}}})", _EACH),),
            width=6,
        ),
        Panel(
            Kind.LINES,
            Text("Bộ nhớ đệm", "Memory of the cache"),
            Text("Theo nút.", "By node."),
            (Query(f"sum by (instance) (filterd_cache_size_bytes{{{_HERE}}})", _EACH),),
            unit="bytes",
            width=6,
        ),
    ),
)

BOARD = Board(
    "filterd-isp",
    Text("Nhà mạng: các nút", "Provider: nodes"),
    Text(
        "Các máy phân giải của nhà mạng. Không có thuê bao, tên trang hay địa chỉ nào ở đây.",
        "A provider's resolvers. No subscriber, name that was asked for, or address is in here.",
    ),
    (_TILES, _NODES, _TRAFFIC, _PRESSURE, UPSTREAM, ORDERS, GATEWAYS),
    (
        Variable(
            "instance",
            Text("Nút", "Node"),
            'label_values(up{job="filterd"}, instance)',
            several=True,
        ),
    ),
)
