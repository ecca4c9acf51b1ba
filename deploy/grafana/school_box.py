"""The dashboard of a school, further down: rules and orders, the box and the web filter."""

from deploy.grafana.board import Color, Kind, Panel, Query, Row, Text, stat
from deploy.grafana.shared import NO_FEED, disk_free, failed_checks, orders_not_in_force
from deploy.grafana.words import ACT_COLORS, ACTS, FEW_IS_BAD, MANY_IS_BAD

_HERE = 'instance="$instance"'

RULES = Row(
    Text("Quy tắc và lệnh", "Rules and orders"),
    (
        Panel(
            Kind.TABLE,
            Text("Danh sách", "Lists"),
            Text(
                "Tuổi: từ lần cuối biết chắc là bản mới nhất.",
                "Age: since it was last known to be the newest.",
            ),
            (
                Query(
                    f"max by (list) (filterd_rules{{{_HERE}}})", Text("quy tắc", "rules"), "short"
                ),
                Query(
                    f"max by (list) (filterd_list_age_seconds{{{_HERE}}})",
                    Text("tuổi", "age"),
                    "s",
                    ((None, Color.GOOD), (2 * 86_400, Color.LOOK), (3 * 86_400, Color.BAD)),
                ),
                Query(
                    f"max by (list) (filterd_list_problem{{{_HERE}}})",
                    Text("vấn đề", "problem"),
                    "bool_yes_no",
                    ((None, Color.GOOD), (1, Color.BAD)),
                ),
                Query(
                    f"sum by (list) (increase(filterd_list_hits_total{{{_HERE}}}[$__range])) and on (list) filterd_rules{{{_HERE}}}",
                    Text("quyết định", "decisions"),
                    "short",
                ),
            ),
            width=12,
            by="list",
            by_name=Text("danh sách", "list"),
            nothing=Text("Không có danh sách nào.", "There are no lists."),
        ),
        stat(
            Text("Lệnh đang thi hành", "Orders in force"),
            Text(
                "Lệnh của cơ quan có thẩm quyền, đã kiểm tra chữ ký.",
                "Orders of authorities, their signatures checked.",
            ),
            f'sum(filterd_feed_orders{{state="enforced",{_HERE}}})',
            nothing=NO_FEED,
        ),
        stat(
            Text("Tuổi của nguồn lệnh", "Age of the feed"),
            Text("Sổ lệnh được ký lại mỗi giờ.", "The log is signed anew each hour."),
            f"max(filterd_feed_age_seconds{{{_HERE}}})",
            unit="s",
            steps=((None, Color.GOOD), (7200, Color.LOOK), (10_800, Color.BAD)),
            nothing=NO_FEED,
        ),
        stat(
            Text("Biên nhận chờ gửi", "Receipts that wait"),
            Text(
                "Nhiều hơn 0 trong nhiều phút: không tới được trung tâm.",
                "Above 0 for minutes: the hub cannot be reached.",
            ),
            f'sum(filterd_report_waiting{{lane="receipts",{_HERE}}})',
            steps=((None, Color.GOOD), (1, Color.LOOK), (10, Color.BAD)),
            nothing=Text("không gửi", "none are sent"),
        ),
        orders_not_in_force(
            _HERE,
            Text(
                "Bị từ chối hoặc giữ lại; `filterd feed status` nói vì sao.",
                "Refused or held back; `filterd feed status` says why.",
            ),
        ),
        failed_checks(_HERE),
        stat(
            Text("Đồng hồ lệch", "Clock is off by"),
            Text("So với máy chủ nguồn lệnh.", "Beside the feed's server."),
            f"max(abs(filterd_feed_clock_skew_seconds{{{_HERE}}}))",
            unit="s",
            steps=((None, Color.GOOD), (10, Color.LOOK), (120, Color.BAD)),
            nothing=NO_FEED,
        ),
    ),
)

BOX = Row(
    Text("Máy và bộ lọc web", "The box and the web filter"),
    (
        Panel(
            Kind.LINES,
            Text(
                "Bộ lọc web: kết nối và yêu cầu, mỗi giây",
                "Web filter: connections and requests, a second",
            ),
            Text("Chỉ có khi bộ lọc HTTP được bật.", "Only where the HTTP filter is on."),
            (Query(f"sum by (act) (instance_act:filterd_http:rate5m{{{_HERE}}})", "{{act}}"),),
            width=12,
            words=ACTS,
            colors=ACT_COLORS,
            stacked=True,
            nothing=Text("Bộ lọc HTTP không bật.", "The HTTP filter is off."),
        ),
        stat(
            Text("Tiến trình lọc web", "Web filter's workers"),
            Text("0: bộ lọc HTTP không chạy.", "0: the HTTP filter does not run."),
            f"sum(filterd_http_workers{{{_HERE}}})",
            steps=FEW_IS_BAD,
            nothing=Text("không bật", "off"),
        ),
        disk_free(_HERE, Text("Nơi filterd lưu trạng thái.", "Where filterd keeps its state.")),
        stat(
            Text("Chạy từ", "Running for"),
            Text("Từ lần khởi động gần nhất.", "Since it was last started."),
            f"clamp_min(time() - max(filterd_start_time_seconds{{{_HERE}}}), 0)",
            unit="s",
            decimals=0,
        ),
        stat(
            Text("Số đếm bị mất", "Counts lost"),
            Text("Trong khoảng thời gian đang xem.", "In the time that is shown."),
            f"sum(increase(filterd_events_dropped_total{{{_HERE}}}[$__range]))",
            decimals=0,
            steps=MANY_IS_BAD,
        ),
        stat(
            Text("Nhóm được lọc", "Groups that are filtered"),
            Text(
                "Phần nhóm được lọc; nhóm nhân viên có thể không lọc.",
                "Share of the groups; one of the staff may be left out.",
            ),
            f"avg(filterd_filter_active{{{_HERE}}})",
            unit="percentunit",
            decimals=0,
        ),
        stat(
            Text("Quy tắc đang dùng", "Rules in use"),
            Text("Của tất cả danh sách.", "Of all lists."),
            f"sum(instance:filterd_rules:sum{{{_HERE}}})",
            nothing=Text("không có danh sách", "no lists"),
        ),
    ),
)
