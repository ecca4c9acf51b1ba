"""What rules and notes of the table are called, and what is said of wires, in two languages."""

from collections.abc import Mapping

RULES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "dns-udp": "queries to foreign resolvers, answered by filterd (UDP)",
        "dns-tcp": "queries to foreign resolvers, answered by filterd (TCP)",
        "web": "web connections sent to the HTTP filter",
        "web-refused": "web connections that the HTTP filter has no address for, refused",
        "dns-refused": "queries to foreign resolvers, refused",
        "dot": "DNS over TLS refused",
        "doq": "DNS over QUIC refused",
        "doh": "known DNS-over-HTTPS servers refused",
        "quic": "QUIC refused (browsers go on with TLS)",
        "vpn": "usual ports of VPNs (WireGuard, OpenVPN, L2TP, PPTP)",
        "ipsec": "usual ports of IPsec (VPNs, and calls over Wi-Fi)",
        "tor": "usual ports of Tor",
        "gate": "addresses that filterd never answered with, refused",
        "gate-learning": "addresses that filterd never answered with (learning, let through)",
    },
    "vi": {
        "dns-udp": "truy vấn tới máy chủ DNS ngoài, do filterd trả lời (UDP)",
        "dns-tcp": "truy vấn tới máy chủ DNS ngoài, do filterd trả lời (TCP)",
        "web": "kết nối web chuyển tới bộ lọc HTTP",
        "web-refused": "kết nối web mà bộ lọc HTTP không có địa chỉ để nhận, bị từ chối",
        "dns-refused": "truy vấn tới máy chủ DNS ngoài, bị từ chối",
        "dot": "DNS qua TLS bị từ chối",
        "doq": "DNS qua QUIC bị từ chối",
        "doh": "máy chủ DNS qua HTTPS đã biết, bị từ chối",
        "quic": "QUIC bị từ chối (trình duyệt chuyển sang TLS)",
        "vpn": "cổng thường dùng của VPN (WireGuard, OpenVPN, L2TP, PPTP)",
        "ipsec": "cổng thường dùng của IPsec (VPN, và gọi qua Wi-Fi)",
        "tor": "cổng thường dùng của Tor",
        "gate": "địa chỉ filterd chưa từng trả lời, bị từ chối",
        "gate-learning": "địa chỉ filterd chưa từng trả lời (đang học, cho qua)",
    },
}
NOTES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "no-dns-door4": "listen has no IPv4 address for the LAN: queries over IPv4 are refused",
        "no-dns-door6": "listen has no IPv6 address for the LAN: queries over IPv6 are refused",
        "no-web": "http.listen.transparent is not set: web traffic is filtered by DNS alone",
        "no-web-door4": "http.listen.transparent has no IPv4 address for the LAN: web traffic of "
        "filtered groups over IPv4 is refused",
        "no-web-door6": "http.listen.transparent has no IPv6 address for the LAN: web traffic of "
        "filtered groups over IPv6 is refused",
        "who-by-network": "clients known by user:, class: or host: are known to DNS alone; here "
        "their network says which group they are in",
        "no-doh": "gateway.doh is empty: DNS over HTTPS is closed by name alone",
    },
    "vi": {
        "no-dns-door4": "listen không có địa chỉ IPv4 cho mạng LAN: truy vấn qua IPv4 bị từ chối",
        "no-dns-door6": "listen không có địa chỉ IPv6 cho mạng LAN: truy vấn qua IPv6 bị từ chối",
        "no-web": "http.listen.transparent chưa đặt: lưu lượng web chỉ được lọc bằng DNS",
        "no-web-door4": "http.listen.transparent không có địa chỉ IPv4 cho mạng LAN: lưu lượng web "
        "qua IPv4 của các nhóm được lọc bị từ chối",
        "no-web-door6": "http.listen.transparent không có địa chỉ IPv6 cho mạng LAN: lưu lượng web "
        "qua IPv6 của các nhóm được lọc bị từ chối",
        "who-by-network": "máy nhận biết bằng user:, class: hay host: chỉ DNS biết; ở đây nhóm của "
        "nó theo mạng",
        "no-doh": "gateway.doh trống: DNS qua HTTPS chỉ bị chặn theo tên",
    },
}
WIRES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "no-interface": "there is no interface {name} now; if none is to come, `gateway` has its "
        "name wrong and what passes there is not filtered (`ip link` shows names)",
        "default-by-lan": "the way to the internet leaves by {name}, which is in gateway.lan: what "
        "goes out there is not filtered; a gateway has its uplink on another interface",
        "default-past-uplink": "the way to the internet leaves by {name}, which is not in "
        "gateway.uplink: what passes there is not filtered",
    },
    "vi": {
        "no-interface": "hiện không có giao diện mạng {name}; nếu nó không xuất hiện sau thì "
        "`gateway` ghi sai tên và lưu lượng ở đó không được lọc (xem tên bằng `ip link`)",
        "default-by-lan": "đường ra Internet đi qua {name}, vốn nằm trong gateway.lan: lưu lượng "
        "đi ra ở đó không được lọc; gateway phải nối Internet bằng giao diện khác",
        "default-past-uplink": "đường ra Internet đi qua {name}, không nằm trong gateway.uplink: "
        "lưu lượng ở đó không được lọc",
    },
}
SAID: Mapping[str, Mapping[str, str]] = {
    "en": {
        "absent": "not applied: there is no table {table}",
        "applied": "applied: the table {table} is what the configuration asks for",
        "stale": "differs: the configuration changed since `filterd gateway apply`",
        "touched": "differs: somebody changed the table {table}; `filterd gateway apply` mends it",
        "unknown": "differs: the table {table} was not applied with this state directory",
        "group": "group {group}",
        "resolved": "addresses open to it because filterd answered with them",
        "unresolved": "destinations never answered: {first}",
    },
    "vi": {
        "absent": "chưa áp dụng: không có bảng {table}",
        "applied": "đã áp dụng: bảng {table} đúng như cấu hình",
        "stale": "khác: cấu hình đã đổi từ lần `filterd gateway apply` trước",
        "touched": "khác: có người đã sửa bảng {table}; `filterd gateway apply` sẽ sửa lại",
        "unknown": "khác: bảng {table} không được áp dụng với thư mục trạng thái này",
        "group": "nhóm {group}",
        "resolved": "địa chỉ được mở vì filterd đã trả lời",
        "unresolved": "đích chưa từng được trả lời: {first}",
    },
}
