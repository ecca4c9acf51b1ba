"""Words and colours that several dashboards share: a metric's label values, in two languages."""

from deploy.grafana.board import Color, Colors, Steps, Text, Words
from filterd.bypass.words import SIGNALS as ABOUT_SIGNALS
from filterd.model.signal import Signal
from filterd.policy.rulebook import default_directory, load_rulebook

STEPS: Words = {
    "must-not-block": Text("phải luôn mở", "must stay open"),
    "order": Text("lệnh của cơ quan", "order"),
    "override": Text("giáo viên mở tạm", "override"),
    "schedule": Text("lịch học", "schedule"),
    "local-allow": Text("trường cho phép", "school allows"),
    "local-block": Text("trường chặn", "school blocks"),
    "list": Text("danh sách", "list"),
    "age": Text("độ tuổi", "age"),
    "default": Text("mặc định", "default"),
}
STEP_COLORS: Colors = {
    "order": Color.BAD,
    "schedule": Color.PLAIN,
    "local-block": Color.LOOK,
    "list": Color.GOOD,
    "age": Color.QUIET,
}
ACTS: Words = {
    "splice": Text("cho qua, không đọc", "passed unread"),
    "reset": Text("ngắt", "ended"),
    "inspect": Text("đọc", "inspected"),
    "block": Text("chặn", "blocked"),
    "pass": Text("cho qua", "passed"),
}
ACT_COLORS: Colors = {
    "splice": Color.PLAIN,
    "pass": Color.GOOD,
    "inspect": Color.QUIET,
    "reset": Color.LOOK,
    "block": Color.BAD,
}
FAILURES: Words = {
    "timeout": Text("không trả lời", "timeout"),
    "refused": Text("từ chối kết nối", "refused"),
    "unreachable": Text("không tới được", "unreachable"),
    "closed": Text("bị đóng", "closed"),
    "garbage": Text("dữ liệu hỏng", "garbage"),
    "truncated": Text("bị cắt", "truncated"),
    "tls": Text("lỗi TLS", "TLS"),
    "http": Text("lỗi HTTP", "HTTP"),
    "bootstrap": Text("không tra được tên máy chủ", "bootstrap"),
    "rcode": Text("trả lời lỗi", "error reply"),
}
QUANTILES: Words = {
    "p50": Text("một nửa", "half (p50)"),
    "p95": Text("95 %", "95 % (p95)"),
    "p99": Text("99 %", "99 % (p99)"),
}
NODE_STATES: Words = {
    "enrolled": Text("đã ghi danh", "enrolled"),
    "late": Text("trễ", "late"),
    "silent": Text("im lặng", "silent"),
    "behind": Text("đang theo kịp", "behind"),
    "skewed": Text("sai giờ", "wrong clock"),
    "refusing": Text("từ chối lệnh", "refusing orders"),
    "held": Text("giữ lệnh lại", "holding orders"),
    "ended": Text("đã thôi", "ended"),
}
ORDER_STATES: Words = {
    "in_force": Text("có hiệu lực", "in force"),
    "waiting": Text("chờ ban hành", "waiting"),
    "scheduled": Text("chưa tới ngày", "scheduled"),
    "revoked": Text("đã thu hồi", "revoked"),
    "ended": Text("đã hết hạn", "ended"),
}

CATEGORIES: Words = {
    each.name: Text(each.title_vi, each.title_en)
    for each in load_rulebook(default_directory()).categories
}

SIGNALS: Words = {
    each.value: Text(ABOUT_SIGNALS["vi"][each].title, ABOUT_SIGNALS["en"][each].title)
    for each in Signal
}
_FOREIGN = Text("DNS tới máy chủ ngoài", "DNS to foreign servers")
FIREWALL: Words = {  # shorter than `filterd gateway status` says it
    "dns-udp": _FOREIGN,
    "dns-tcp": _FOREIGN,
    "dns-refused": _FOREIGN,
    "web": Text("web qua bộ lọc HTTP", "web through the HTTP filter"),
    "web-refused": Text("web không qua được bộ lọc", "web past the HTTP filter, refused"),
    "dot": Text("DNS mã hóa (TLS)", "encrypted DNS (TLS)"),
    "doq": Text("DNS mã hóa (QUIC)", "encrypted DNS (QUIC)"),
    "doh": Text("DNS mã hóa (HTTPS)", "encrypted DNS (HTTPS)"),
    "quic": Text("QUIC (bình thường)", "QUIC (usual)"),
    "vpn": Text("cổng VPN", "ports of VPNs"),
    "ipsec": Text("cổng IPsec, gọi Wi-Fi", "IPsec, Wi-Fi calls"),
    "tor": Text("cổng Tor", "ports of Tor"),
    "gate": Text("địa chỉ lạ, bị từ chối", "unknown addresses, refused"),
    "gate-learning": Text("địa chỉ lạ, cho qua", "unknown addresses, let through"),
}

ONE_IS_GOOD: Steps = ((None, Color.BAD), (1, Color.GOOD))
NONE_IS_GOOD: Steps = ((None, Color.GOOD), (1, Color.BAD))
ANY_IS_A_LOOK: Steps = ((None, Color.GOOD), (1, Color.LOOK))
MANY_IS_BAD: Steps = ((None, Color.GOOD), (1, Color.LOOK), (1000, Color.BAD))
FEW_IS_BAD: Steps = ((None, Color.BAD), (1, Color.GOOD))
LATENCY: Steps = ((None, Color.GOOD), (0.2, Color.LOOK), (1, Color.BAD))
MINUTE: Steps = ((None, Color.GOOD), (30, Color.LOOK), (60, Color.BAD))  # time to effect, seconds
