"""The gateway on the dashboards of a school and of a provider: the firewall, who is who, and signs of
going round the filter. By group and kind; nothing here could tell who it was.
"""

from deploy.grafana.board import Color, Kind, Panel, Query, Row, Text, stat
from deploy.grafana.words import FIREWALL, NONE_IS_GOOD, SIGNALS

_SCHOOL, _NODES = 'instance="$instance"', 'instance=~"$instance"'
_ROOM = 65_536  # addresses of one set, as the daemon keeps them
_FILLING = ((None, Color.GOOD), (0.8, Color.LOOK), (0.9, Color.BAD))
_NO_SIGNS = Text("Không có dấu hiệu nào.", "No signs.")
_NO_GATEWAY = Text("không là cổng", "no gateway")


def _signals(here: str) -> Panel:
    return Panel(
        Kind.BARS,
        Text(
            "Dấu hiệu tránh bộ lọc, số lần trong 24 giờ",
            "Signs of going round, attempts in 24 hours",
        ),
        Text(
            "Số lần thử, không phải số người: một điện thoại có thể thử hàng trăm lần. Xem docs/bypass.md.",
            "Attempts, not people: one telephone may try hundreds of times. See docs/bypass.md.",
        ),
        (
            Query(
                f"topk(10, sum by (signal) (instance_group_signal:filterd_bypass_signals:increase1d{{{here}}})) > 0",
                "{{signal}}",
            ),
        ),
        words=SIGNALS,
        decimals=0,
        nothing=_NO_SIGNS,
    )


SCHOOL = Row(
    Text("Cổng mạng và lối tránh bộ lọc", "The gateway, and ways round the filter"),
    (
        _signals(_SCHOOL),
        Panel(
            Kind.BARS,
            Text("Dấu hiệu theo nhóm, số lần trong 24 giờ", "Signs by group, attempts in 24 hours"),
            Text(
                "Nhóm là một lớp hoặc khối. Dấu hiệu không phải là lỗi của ai; `filterd bypass week` nói nên làm gì.",
                "A group is a class or a grade. A sign is nobody's guilt; `filterd bypass week` says what to do.",
            ),
            (
                Query(
                    f"topk(20, sum by (group) (instance_group_signal:filterd_bypass_signals:increase1d{{{_SCHOOL}}})) > 0",
                    "{{group}}",
                ),
            ),
            decimals=0,
            nothing=_NO_SIGNS,
        ),
        Panel(
            Kind.LINES,
            Text("Tường lửa gặp, mỗi phút", "What the firewall met, a minute"),
            Text(
                "Kết nối và gói tin theo quy tắc, của mọi nhóm.",
                "Connections and packets by rule, of all groups.",
            ),
            (
                Query(
                    f"60 * sum by (rule) (rate(filterd_gateway_packets_total{{{_SCHOOL}}}[$__rate_interval])) > 0",
                    "{{rule}}",
                ),
            ),
            words=FIREWALL,
            stacked=True,
            nothing=Text("Không gặp gì.", "It met nothing."),
        ),
        stat(
            Text("Bảng tường lửa", "The firewall's table"),
            Text(
                "Mất: học sinh đi vòng được. Chạy `sudo systemctl reload-or-restart filterd-gateway`.",
                "Gone: pupils can go round. Run `sudo systemctl reload-or-restart filterd-gateway`.",
            ),
            f'max(filterd_gateway_problem{{reason="absent",{_SCHOOL}}})',
            steps=NONE_IS_GOOD,
            words={"0": Text("Có", "There"), "1": Text("Mất", "Gone")},
            nothing=_NO_GATEWAY,
        ),
        stat(
            Text("Chỗ đã dùng trong tường lửa", "Room used in the firewall"),
            Text(
                "Nhóm nghiêm ngặt: phần chỗ cho địa chỉ đã dùng, ở tập đầy nhất.",
                "Strict groups: how much of the room for addresses is used, of the fullest set.",
            ),
            f"max(filterd_gateway_open_addresses{{{_SCHOOL}}}) / {_ROOM}",
            unit="percentunit",
            decimals=1,
            steps=_FILLING,
        ),
        stat(
            Text("Địa chỉ không mở được", "Addresses not opened"),
            Text(
                "Hoặc bị đóng sớm, trong khoảng thời gian đang xem. Phải là 0.",
                "Or closed early, in the time that is shown. Must be 0.",
            ),
            f"sum(increase(filterd_gateway_failures_total{{{_SCHOOL}}}[$__range])) + sum(increase(filterd_gateway_displaced_total{{{_SCHOOL}}}[$__range]))",
            decimals=0,
            steps=NONE_IS_GOOD,
        ),
        stat(
            Text("Thiết bị nhận ra", "Devices seen"),
            Text(
                "Theo địa chỉ MAC, từ mọi nguồn; chỉ là số lượng.",
                "By MAC address, from all sources; the number only.",
            ),
            f"max(filterd_who_devices{{{_SCHOOL}}})",
            nothing=Text("không theo dõi", "not followed"),
        ),
        stat(
            Text("Tự đặt địa chỉ MAC", "Made-up MAC addresses"),
            Text(
                "Quy tắc theo địa chỉ MAC không áp dụng cho phần thiết bị này.",
                "Share of the devices that rules by MAC address do not hold for.",
            ),
            f"max(filterd_who_randomised{{{_SCHOOL}}} / (filterd_who_devices{{{_SCHOOL}}} > 0))",
            unit="percentunit",
            decimals=0,
            steps=((None, Color.GOOD), (0.5, Color.LOOK)),
            nothing=Text("chưa biết", "not known"),
        ),
        stat(
            Text("Nguồn không đọc được", "Sources that do not read"),
            Text(
                "Máy chủ DHCP, RADIUS, bảng láng giềng; `filterd who` nói lý do.",
                "DHCP servers, RADIUS, the neighbour table; `filterd who` says why.",
            ),
            f"sum(filterd_who_problem{{{_SCHOOL}}})",
            steps=NONE_IS_GOOD,
            nothing=Text("không có nguồn", "no sources"),
        ),
    ),
)

NODES = Row(
    Text("Cổng mạng và lối tránh bộ lọc", "Gateways, and ways round the filter"),
    (
        _signals(_NODES),
        Panel(
            Kind.TABLE,
            Text("Các cổng", "Gateways"),
            Text(
                "Nút có tường lửa của filterd; nút chỉ trả lời DNS không có dòng nào.",
                "Nodes with filterd's firewall; those that only answer DNS have no line.",
            ),
            (
                Query(
                    f'max by (instance) (filterd_gateway_problem{{reason="absent",{_NODES}}})',
                    Text("mất bảng", "no table"),
                    "bool_yes_no",
                    ((None, Color.GOOD), (1, Color.BAD)),
                ),
                Query(
                    f"max by (instance) (filterd_gateway_open_addresses{{{_NODES}}}) / {_ROOM} and on (instance) filterd_gateway_problem",
                    Text("chỗ đã dùng", "room used"),
                    "percentunit",
                    _FILLING,
                ),
                Query(
                    f"sum by (instance) (instance_group_signal:filterd_bypass_signals:increase1d{{{_NODES}}}) and on (instance) filterd_gateway_problem",
                    Text("dấu hiệu, 24 giờ", "signs, 24 hours"),
                    "short",
                ),
                Query(
                    f"sum by (instance) (filterd_who_problem{{{_NODES}}}) and on (instance) filterd_gateway_problem",
                    Text("nguồn hỏng", "broken sources"),
                    "short",
                    ((None, Color.GOOD), (1, Color.BAD)),
                ),
            ),
            width=16,
            by="instance",
            by_name=Text("nút", "node"),
            nothing=Text("Không nút nào là cổng.", "No node is a gateway."),
        ),
    ),
)
