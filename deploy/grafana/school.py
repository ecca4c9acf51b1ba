"""The dashboard of a school: one box, for the teacher who looks after it."""

from deploy.grafana.board import Board, Color, Kind, Panel, Query, Row, Text, Variable, stat
from deploy.grafana.gateway import SCHOOL as GATEWAY
from deploy.grafana.school_box import BOX, RULES
from deploy.grafana.shared import upstream_failures
from deploy.grafana.words import (
    ANY_IS_A_LOOK,
    CATEGORIES,
    LATENCY,
    NONE_IS_GOOD,
    ONE_IS_GOOD,
    QUANTILES,
    STEP_COLORS,
    STEPS,
)

_HERE = 'instance="$instance"'

_TILES = Row(
    None,
    (
        stat(
            Text("Bộ lọc", "The filter"),
            Text(
                "Đang lọc: mọi phần đều hoạt động. Cần xem: mở /readyz hoặc gõ `filterd reload --status`.",
                "Working: every part does. Look: open /readyz or type `filterd reload --status`.",
            ),
            f'max(filterd_ready{{{_HERE}}}) or max(up{{job="filterd",{_HERE}}})',
            steps=ONE_IS_GOOD,
            words={"1": Text("Đang lọc", "Working"), "0": Text("Cần xem", "Look")},
        ),
        stat(
            Text("Cảnh báo", "Alerts"),
            Text(
                "Số cảnh báo đang có; bảng bên dưới nói đó là gì.",
                "How many are firing; the table below says which.",
            ),
            f'count(ALERTS{{alertstate="firing",{_HERE}}}) or vector(0)',
            steps=NONE_IS_GOOD,
        ),
        stat(
            Text("Truy vấn mỗi giây", "Queries a second"),
            Text("Trung bình 5 phút qua.", "On average over the last five minutes."),
            f"sum(instance:filterd_queries:rate5m{{{_HERE}}})",
            decimals=1,
        ),
        stat(
            Text("Tỷ lệ bị chặn", "Blocked share"),
            Text(
                "Phần truy vấn bị chặn trong 5 phút qua. Thay đổi đột ngột đáng được xem.",
                "Share of the questions of the last five minutes. A sudden change is worth a look.",
            ),
            f"max(instance:filterd_blocks:ratio_rate5m{{{_HERE}}})",
            unit="percentunit",
            decimals=1,
        ),
        stat(
            Text("Máy chủ DNS phía trên", "Upstream servers"),
            Text(
                "Phần máy chủ đang trả lời. 0 %: không còn đường ra Internet.",
                "Share of them that answers. 0 %: there is no way out to the internet.",
            ),
            f"min(instance:filterd_upstream_up:ratio{{{_HERE}}})",
            unit="percentunit",
            decimals=0,
            steps=((None, Color.BAD), (0.01, Color.LOOK), (1, Color.GOOD)),
        ),
        stat(
            Text("Danh sách có vấn đề", "Lists with a problem"),
            Text(
                "Danh sách không tải được hoặc bị giữ lại; phiên bản cũ vẫn được dùng.",
                "Lists that cannot be fetched or are held; the version before stays in use.",
            ),
            f"max(instance:filterd_list_problem:sum{{{_HERE}}})",
            steps=ANY_IS_A_LOOK,
            nothing=Text("không có danh sách", "no lists"),
        ),
    ),
)

_NOW = Row(
    None,
    (
        Panel(
            Kind.LINES,
            Text("Truy vấn và bị chặn, mỗi giây", "Queries and blocks, a second"),
            Text(
                "Tất cả truy vấn của trường, và phần bị chặn.",
                "All of the school, and what is blocked of it.",
            ),
            (
                Query(
                    f"sum(instance:filterd_queries:rate5m{{{_HERE}}})", Text("truy vấn", "queries")
                ),
                Query(
                    f"sum(instance:filterd_blocks:rate5m{{{_HERE}}})", Text("bị chặn", "blocked")
                ),
            ),
            width=16,
            colors={
                "truy vấn": Color.PLAIN,
                "queries": Color.PLAIN,
                "bị chặn": Color.BAD,
                "blocked": Color.BAD,
            },
        ),
        Panel(
            Kind.TABLE,
            Text("Cảnh báo đang có", "Alerts now"),
            Text(
                "docs/runbook.md nói từng cảnh báo có nghĩa gì và phải làm gì.",
                "docs/runbook.md says what each means and what to do.",
            ),
            (
                Query(
                    f'sum by (alertname, severity) (ALERTS{{alertstate="firing",{_HERE}}})',
                    Text("số", "count"),
                ),
            ),
            by="alertname",
            by_name=Text("cảnh báo", "alert"),
            nothing=Text("Không có cảnh báo nào.", "No alerts."),
        ),
    ),
)

_BLOCKED = Row(
    Text("Cái gì bị chặn, và vì sao", "What is blocked, and why"),
    (
        Panel(
            Kind.LINES,
            Text("Vì sao bị chặn, mỗi giây", "Why something was blocked, a second"),
            Text(
                "Bước của thứ tự ưu tiên đã quyết định, xem docs/rules.md.",
                "The step of the precedence list that decided, see docs/rules.md.",
            ),
            (
                Query(
                    f'sum by (step) (rate(filterd_verdicts_total{{verdict="block",{_HERE}}}[$__rate_interval])) > 0',
                    "{{step}}",
                ),
            ),
            words=STEPS,
            colors=STEP_COLORS,
            stacked=True,
            nothing=Text("Không có gì bị chặn.", "Nothing was blocked."),
        ),
        Panel(
            Kind.BARS,
            Text("Tỷ lệ bị chặn theo nhóm, 1 giờ qua", "Blocked share by group, the last hour"),
            Text(
                "Nhóm là một lớp hoặc khối, không phải một học sinh. Số liệu nhóm thay đổi 5 phút một lần.",
                "A group is a class or a grade, no pupil. What groups do moves once in five minutes.",
            ),
            (
                Query(
                    f"topk(20, max by (group) (instance_group:filterd_blocks:ratio_increase1h{{{_HERE}}}))",
                    "{{group}}",
                ),
            ),
            unit="percentunit",
            nothing=Text("Giờ qua chưa có số đếm.", "No counts of the last hour yet."),
        ),
        Panel(
            Kind.BARS,
            Text("Quyết định theo danh mục", "Decisions by category"),
            Text("Trong khoảng thời gian đang xem.", "In the time that is shown."),
            (
                Query(
                    f'topk(10, sum by (category) (increase(filterd_category_hits_total{{category!="canary",{_HERE}}}[$__range])))',
                    "{{category}}",
                ),
            ),
            words=CATEGORIES,
            decimals=0,
        ),
    ),
)

_ANSWERS = Row(
    Text("Câu trả lời", "Answers"),
    (
        Panel(
            Kind.LINES,
            Text("Từ bộ nhớ, và lỗi", "From the cache, and failures"),
            Text(
                "Phần trả lời từ bộ nhớ (cao là tốt) và phần SERVFAIL (phải gần 0).",
                "Share answered from the cache (high is good), and SERVFAIL (should be near 0).",
            ),
            (
                Query(
                    f"max(instance:filterd_cache_hits:ratio_rate5m{{{_HERE}}})",
                    Text("từ bộ nhớ", "from the cache"),
                ),
                Query(
                    f"max(instance:filterd_servfails:ratio_rate5m{{{_HERE}}})",
                    Text("lỗi", "failures"),
                ),
            ),
            unit="percentunit",
            most=1,
            colors={
                "từ bộ nhớ": Color.GOOD,
                "from the cache": Color.GOOD,
                "lỗi": Color.BAD,
                "failures": Color.BAD,
            },
        ),
        Panel(
            Kind.LINES,
            Text("Chờ máy chủ phía trên", "Waiting for upstream"),
            Text(
                "Một nửa, và 99 % câu hỏi được trả lời trong thời gian này.",
                "Half, and 99 %, of the questions are answered within this time.",
            ),
            (
                Query(
                    f"max(instance:filterd_upstream_latency_seconds:p50_rate5m{{{_HERE}}})", "p50"
                ),
                Query(
                    f"max(instance:filterd_upstream_latency_seconds:p99_rate5m{{{_HERE}}})", "p99"
                ),
            ),
            unit="s",
            steps=LATENCY,
            words=QUANTILES,
        ),
        upstream_failures(
            _HERE,
            Text("Lỗi của máy chủ phía trên, mỗi giây", "Failures of upstream, a second"),
            Text("Theo loại lỗi, của mọi máy chủ.", "By kind, of all servers."),
        ),
    ),
)

BOARD = Board(
    "filterd-school",
    Text("Trường học: bộ lọc", "School: the filter"),
    Text(
        "Một trường, một máy lọc. Không có máy của học sinh, tên trang hay địa chỉ nào ở đây.",
        "One school, one box. No pupil's device, name that was asked for, or address is in here.",
    ),
    (_TILES, _NOW, _BLOCKED, _ANSWERS, RULES, GATEWAY, BOX),
    (Variable("instance", Text("Máy lọc", "Box"), 'label_values(up{job="filterd"}, instance)'),),
)
