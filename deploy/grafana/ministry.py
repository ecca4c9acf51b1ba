"""The dashboard of the ministry: how fast orders are in force, and who lags. Nodes are counted here
and never named; `filterd hub late` and the hub's pages name them.
"""

from deploy.grafana.board import Board, Color, Kind, Panel, Query, Row, Text, stat
from deploy.grafana.words import (
    ANY_IS_A_LOOK,
    MINUTE,
    NODE_STATES,
    NONE_IS_GOOD,
    ORDER_STATES,
    QUANTILES,
)

_SHARE = ((None, Color.BAD), (0.95, Color.LOOK), (0.99, Color.GOOD))
_FEW = ((None, Color.GOOD), (0.005, Color.LOOK), (0.02, Color.BAD))
_NONE_YET = Text("chưa có", "none yet")

_TILES = Row(
    None,
    (
        stat(
            Text("Có hiệu lực ở 95 % nút", "In force at 95 % of nodes"),
            Text(
                "Từ lúc ban hành đến lúc nút thật sự chặn (p95). Mục tiêu: dưới một phút.",
                "From publication until the node really blocks (p95). The goal: below a minute.",
            ),
            "max(job:filterd_hub_enforce_seconds:p95)",
            unit="s",
            decimals=1,
            steps=MINUTE,
            nothing=_NONE_YET,
        ),
        stat(
            Text("Độ phủ, theo nút", "Coverage, of nodes"),
            Text(
                "Phần nút đã chứng minh thi hành mọi lệnh đến hạn.",
                "Share of nodes that proved all that is due.",
            ),
            'max(job_weight:filterd_hub_coverage:ratio{weight="nodes"})',
            unit="percentunit",
            decimals=1,
            steps=_SHARE,
            nothing=_NONE_YET,
        ),
        stat(
            Text("Độ phủ, theo thuê bao", "Coverage, of subscribers"),
            Text(
                "Như trên, mỗi nút tính theo số thuê bao.",
                "The same, each node with its subscribers.",
            ),
            'max(job_weight:filterd_hub_coverage:ratio{weight="subscribers"})',
            unit="percentunit",
            decimals=1,
            steps=_SHARE,
            nothing=_NONE_YET,
        ),
        stat(
            Text("Nút trễ", "Nodes that are late"),
            Text(
                "Phần nút chưa chứng minh một lệnh đã quá hạn.",
                "Share that has not proved an order that is due.",
            ),
            'max(job_state:filterd_hub_nodes:ratio{state="late"})',
            unit="percentunit",
            decimals=1,
            steps=_FEW,
        ),
        stat(
            Text("Nút im lặng", "Nodes that are silent"),
            Text("Phần nút không nghe tin.", "Share that was not heard of."),
            'max(job_state:filterd_hub_nodes:ratio{state="silent"})',
            unit="percentunit",
            decimals=1,
            steps=_FEW,
        ),
        stat(
            Text("Cảnh báo", "Alerts"),
            Text("Cảnh báo đang có của trung tâm.", "What fires for the hub."),
            'count(ALERTS{alertstate="firing",alertname=~"FilterdHub.*"}) or vector(0)',
            steps=NONE_IS_GOOD,
        ),
    ),
)

_EFFECT = Row(
    Text("Từ lệnh đến hiệu lực", "From order to effect"),
    (
        Panel(
            Kind.LINES,
            Text("Thời gian đến khi có hiệu lực", "Time to enforce"),
            Text(
                "Của 50 đoạn sổ lệnh mới nhất có lệnh; đường nét đứt là một phút.",
                "Of the newest 50 segments with orders; the dashed line is a minute.",
            ),
            (
                Query("max(job:filterd_hub_enforce_seconds:p50)", "p50"),
                Query("max(job:filterd_hub_enforce_seconds:p95)", "p95"),
                Query("max(job:filterd_hub_enforce_seconds:p99)", "p99"),
            ),
            unit="s",
            width=12,
            steps=((None, Color.GOOD), (60, Color.BAD)),
            words=QUANTILES,
            nothing=_NONE_YET,
        ),
        Panel(
            Kind.BARS,
            Text("Nút theo thời gian, giây", "Nodes by their time, seconds"),
            Text(
                "Bao nhiêu nút có hiệu lực trong từng khoảng; số là đầu trên của khoảng.",
                "How many nodes enforced within each span; the number is its upper end.",
            ),
            (
                Query(
                    "max by (le) (filterd_hub_enforce_delay_seconds_bucket)", "{{le}}", buckets=True
                ),
            ),
            width=6,
            decimals=0,
            nothing=_NONE_YET,
        ),
        stat(
            Text("Thu hồi có hiệu lực (p95)", "Revocation in force (p95)"),
            Text(
                "Từ lúc ban hành thu hồi đến lúc nút thôi chặn.",
                "From its publication until nodes no longer block.",
            ),
            'max(filterd_hub_revoke_seconds{quantile="0.95",weight="nodes"})',
            unit="s",
            decimals=1,
            steps=MINUTE,
            nothing=_NONE_YET,
            width=6,
        ),
        stat(
            Text("Hết hạn có hiệu lực (p95)", "End in force (p95)"),
            Text(
                "Từ lúc lệnh hết hạn đến lúc tên mở lại.",
                "From an end until the name was open again.",
            ),
            'max(filterd_hub_expiry_seconds{quantile="0.95",weight="nodes"})',
            unit="s",
            decimals=1,
            steps=MINUTE,
            nothing=_NONE_YET,
            width=6,
        ),
    ),
)

_NODES = Row(
    Text("Nút và lệnh", "Nodes and orders"),
    (
        Panel(
            Kind.LINES,
            Text("Nút cần xem", "Nodes that need a look"),
            Text(
                "Một nút có thể ở nhiều loại; `filterd hub late` nêu tên.",
                "A node may be several; `filterd hub late` names them.",
            ),
            (
                Query(
                    'max by (state) (job_state:filterd_hub_nodes:max{state!~"enrolled|ended"})',
                    "{{state}}",
                ),
            ),
            words=NODE_STATES,
            colors={"late": Color.BAD, "silent": Color.LOOK, "refusing": Color.PLAIN},
        ),
        Panel(
            Kind.LINES,
            Text("Nút đã ghi danh", "Nodes enrolled"),
            Text("Trường và nhà mạng đang tham gia.", "Schools and providers that take part."),
            (
                Query(
                    'max(job_state:filterd_hub_nodes:max{state="enrolled"})',
                    Text("đã ghi danh", "enrolled"),
                ),
            ),
        ),
        Panel(
            Kind.BARS,
            Text("Lệnh", "Orders"),
            Text("Theo tình trạng.", "By how they stand."),
            (Query("max by (state) (filterd_hub_orders)", "{{state}}"),),
            words=ORDER_STATES,
            decimals=0,
        ),
    ),
)

_RIGHT = Row(
    Text("Chặn đúng, và chỉ chặn đúng", "Blocked rightly, and nothing else"),
    (
        stat(
            Text("Tên phải mở mà bị chặn", "Must be open, and blocked"),
            Text("Ví dụ số 111. Phải là 0.", "Such as hotline 111. Must be 0."),
            "max(filterd_hub_overblocked_names)",
            steps=NONE_IS_GOOD,
        ),
        stat(
            Text("Hết hạn mà vẫn chặn", "Ended, and still blocked"),
            Text("Phải là 0.", "Must be 0."),
            "max(filterd_hub_still_blocked)",
            steps=NONE_IS_GOOD,
        ),
        stat(
            Text("Lệnh nhầm, 30 ngày", "False orders, 30 days"),
            Text(
                "Phần lệnh bị thu hồi trong vòng một ngày.", "Share that was revoked within a day."
            ),
            "max(filterd_hub_false_order_ratio)",
            unit="percentunit",
            decimals=1,
            steps=((None, Color.GOOD), (0.01, Color.LOOK), (0.05, Color.BAD)),
        ),
        stat(
            Text("Lệnh bị nút giữ lại", "Orders that nodes hold"),
            Text(
                "Nút có lệnh nhưng chờ lượt hoặc chờ xác nhận.",
                "A node has it, and waits for its turn or for a confirmation.",
            ),
            "max(filterd_hub_held_orders)",
            steps=ANY_IS_A_LOOK,
        ),
        stat(
            Text("Chuỗi báo cáo hỏng", "Reports that are not whole"),
            Text(
                "Nút có báo cáo bị thiếu, bị tách, hoặc phải bỏ số đếm.",
                "Nodes with gaps, forks, or counts dropped.",
            ),
            "sum(max by (kind) (filterd_hub_broken_chains))",
            steps=ANY_IS_A_LOOK,
        ),
        stat(
            Text("Chờ ban hành", "Waiting to be published"),
            Text(
                "Lệnh và thu hồi đã ký, chưa vào sổ.",
                "Orders and revocations that are signed and not in the log.",
            ),
            "sum(max by (kind) (filterd_hub_waiting))",
            steps=ANY_IS_A_LOOK,
        ),
    ),
)

_HUB = Row(
    Text("Trung tâm", "The hub"),
    (
        Panel(
            Kind.LINES,
            Text("Yêu cầu mỗi giây", "Requests a second"),
            Text("Theo đường dẫn, của mọi tiến trình.", "By route, of all workers."),
            (
                Query(
                    "topk(6, sum by (route) (job_route:filterd_hub_requests:rate5m)) > 0",
                    "{{route}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            Kind.LINES,
            Text("Nhận mỗi giây", "Taken a second"),
            Text("Biên nhận và báo cáo, lần đầu.", "Receipts and batches, for the first time."),
            (Query("sum by (kind) (job_kind:filterd_hub_taken:rate5m)", "{{kind}}"),),
            words={
                "receipts": Text("biên nhận", "receipts"),
                "batch": Text("báo cáo", "batches"),
            },
        ),
        Panel(
            Kind.LINES,
            Text("Trả lời trong (p99)", "Answers within (p99)"),
            Text("99 % yêu cầu.", "99 % of the requests."),
            (Query("max(job:filterd_hub_request_seconds:p99_rate5m)", "p99"),),
            unit="s",
            words=QUANTILES,
            steps=((None, Color.GOOD), (1, Color.BAD)),
        ),
        stat(
            Text("Yêu cầu lỗi", "Requests that fail"),
            Text("Phần trả lời 5xx, 5 phút qua.", "Share of 5xx, the last five minutes."),
            "max(job:filterd_hub_errors:ratio_rate5m)",
            unit="percentunit",
            decimals=2,
            steps=((None, Color.GOOD), (0.001, Color.LOOK), (0.01, Color.BAD)),
        ),
        stat(
            Text("Đang nghe tin", "Listening"),
            Text(
                "Nút đang nhận tin của sổ lệnh ngay lập tức.",
                "Nodes that the log's news are pushed to.",
            ),
            "sum(job:filterd_hub_subscribers:sum)",
        ),
        stat(
            Text("Đoạn sổ lệnh", "Segments of the log"),
            Text("Độ dài của sổ lệnh.", "How long the log is."),
            "max(filterd_hub_segments)",
        ),
        stat(
            Text("Ban hành gần nhất", "Last publication"),
            Text("Từ đoạn mới nhất.", "Since the newest segment."),
            "min(filterd_hub_segment_age_seconds)",
            unit="s",
            decimals=0,
        ),
        stat(
            Text("Đồng hồ nút lệch (p95)", "Nodes' clocks are off (p95)"),
            Text(
                "Của những nút đã gửi gì đó trong khoảng đang xem.",
                "Of nodes that sent something in the time shown.",
            ),
            "histogram_quantile(0.95, sum by (le) (increase(filterd_hub_node_clock_seconds_bucket[$__range])))",
            unit="s",
            decimals=1,
            steps=((None, Color.GOOD), (10, Color.LOOK), (60, Color.BAD)),
        ),
        stat(
            Text("Tuổi số liệu", "Age of these figures"),
            Text("Trung tâm tính lại mỗi 15 giây.", "The hub looks anew every 15 seconds."),
            "max(filterd_hub_look_age_seconds)",
            unit="s",
            decimals=0,
            steps=((None, Color.GOOD), (60, Color.LOOK), (120, Color.BAD)),
        ),
        Panel(
            Kind.TABLE,
            Text("Cảnh báo đang có", "Alerts now"),
            Text("docs/runbook.md nói phải làm gì.", "docs/runbook.md says what to do."),
            (
                Query(
                    'sum by (alertname, severity) (ALERTS{alertstate="firing",alertname=~"FilterdHub.*"})',
                    Text("số", "count"),
                ),
            ),
            width=24,
            height=6,
            by="alertname",
            by_name=Text("cảnh báo", "alert"),
            nothing=Text("Không có cảnh báo nào.", "No alerts."),
        ),
    ),
)

BOARD = Board(
    "filterd-ministry",
    Text("Cơ quan quản lý: lệnh và các nút", "Ministry: orders and nodes"),
    Text(
        "Lệnh có hiệu lực nhanh và đúng đến đâu. Không có trường, nút hay người nào được nêu tên ở đây.",
        "How fast and how rightly orders are in force. No school, node or person is named in here.",
    ),
    (_TILES, _EFFECT, _NODES, _RIGHT, _HUB),
    span="now-24h",
)
