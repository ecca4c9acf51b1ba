"""What signals are called, mean and do not mean, and what to do next, in Vietnamese and English."""

from collections.abc import Mapping
from dataclasses import dataclass

from filterd.bypass.signals import Signal


@dataclass(frozen=True, slots=True)
class About:
    """`title`: its name in a table; the others are sentences."""

    title: str
    means: str
    not_means: str
    next: str


SIGNALS: Mapping[str, Mapping[Signal, About]] = {
    "en": {
        Signal.RESOLVER: About(
            "another resolver",
            "Devices asked another DNS server; with `redirect_dns` filterd answered instead.",
            "Televisions, printers and some phones have one built in; nobody need have tried.",
            "Nothing got through. Give out the school's resolver by DHCP, and look again.",
        ),
        Signal.DOT: About(
            "encrypted DNS (TLS, QUIC)",
            "Devices tried port 853, where DNS over TLS or QUIC is spoken.",
            'Often one phone with "private DNS" set at home, by the parents even.',
            'Show how to set private DNS to "automatic"; as it was, the phone has no network here.',
        ),
        Signal.DOH: About(
            "encrypted DNS (HTTPS)",
            "Devices looked for a public server of DNS over HTTPS, by name or by address.",
            "Some browsers and security programs are set so from the start.",
            "Managed devices: switch it off by policy. Else nothing, it was refused.",
        ),
        Signal.VPN: About(
            "VPN",
            "Devices began WireGuard, OpenVPN, PPTP or L2TP, by port or by first packet.",
            "A parent's work phone or a teacher's own line to an office does the same; games may "
            "use the same ports.",
            "Talk with the group; `gateway.egress` closes unknown addresses for it.",
        ),
        Signal.IPSEC: About(
            "IPsec (VPN or Wi-Fi calls)",
            "Devices began IKE or IPsec, ports 500 and 4500.",
            "Phones use it for calls over Wi-Fi, all day and without being asked.",
            "Nothing, unless the group has no phones, or it rises suddenly.",
        ),
        Signal.TOR: About(
            "Tor",
            "Devices connected to usual ports of Tor's relays, or looked for its names.",
            "Other programs use ports 9001 and 9030 too; a lesson may have been about Tor.",
            "See whether `gateway.egress` is on for the group; Tor finds ways through other ports.",
        ),
        Signal.ECH: About(
            "hidden names (ECH)",
            "Browsers showed a name that stands for another, although our answers offer no keys "
            "for it: the keys came from another resolver.",
            "That a browser can do it is no sign; all of them send an empty one.",
            'Look at "encrypted DNS" of the same group: that is how the keys came.',
        ),
        Signal.SNI: About(
            "names never asked for here",
            "Connections named sites that nobody had asked the school's DNS for.",
            "After a restart, or from a device that came with a name in its memory, it is normal.",
            "Once: nothing. Every day: some device has a resolver that we do not see.",
        ),
        Signal.ADDRESS: About(
            "fixed addresses",
            "Connections went to addresses that the school's DNS never answered with.",
            "Many apps carry addresses in them: clocks, games, messengers.",
            "`filterd gateway status` shows where to; add what is needed to `gateway.reachable`.",
        ),
        Signal.NAME: About(
            "names of bypass services",
            "Names of VPN, proxy or anonymising services were asked for and blocked.",
            "A link in a page is enough; so is curiosity, or a lesson on privacy.",
            "Nothing is open. Much of it in one week is a reason to talk about it in class.",
        ),
    },
    "vi": {
        Signal.RESOLVER: About(
            "máy chủ DNS khác",
            "Thiết bị hỏi máy chủ DNS khác; khi bật `redirect_dns`, filterd đã trả lời thay.",
            "TV, máy in và một số điện thoại cài sẵn máy chủ DNS; có thể không ai cố ý.",
            "Không có gì bị lọt. Hãy cấp máy chủ DNS của trường qua DHCP rồi xem có còn không.",
        ),
        Signal.DOT: About(
            "DNS mã hóa (TLS, QUIC)",
            "Thiết bị thử cổng 853, nơi dùng DNS qua TLS hoặc QUIC.",
            'Thường chỉ là một điện thoại đã đặt "DNS riêng" ở nhà, có khi do phụ huynh đặt.',
            'Hướng dẫn đặt DNS riêng về "tự động"; nếu để như cũ, điện thoại không vào được mạng.',
        ),
        Signal.DOH: About(
            "DNS mã hóa (HTTPS)",
            "Thiết bị tìm máy chủ DNS qua HTTPS công cộng, theo tên hoặc theo địa chỉ.",
            "Một số trình duyệt và phần mềm bảo mật được đặt sẵn như vậy.",
            "Thiết bị của trường: tắt bằng chính sách. Còn lại không cần làm gì, đã bị từ chối.",
        ),
        Signal.VPN: About(
            "VPN",
            "Thiết bị bắt đầu WireGuard, OpenVPN, PPTP hoặc L2TP, theo cổng hoặc gói tin đầu tiên.",
            "Điện thoại công việc của phụ huynh, đường nối về cơ quan cũng như vậy; trò chơi có "
            "thể dùng cùng cổng.",
            "Trao đổi với nhóm; `gateway.egress` đóng các địa chỉ lạ cho nhóm đó.",
        ),
        Signal.IPSEC: About(
            "IPsec (VPN hoặc gọi Wi-Fi)",
            "Thiết bị bắt đầu IKE hoặc IPsec, cổng 500 và 4500.",
            "Điện thoại dùng nó để gọi qua Wi-Fi, suốt ngày và tự động.",
            "Không cần làm gì, trừ khi nhóm không có điện thoại hoặc số này tăng đột ngột.",
        ),
        Signal.TOR: About(
            "Tor",
            "Thiết bị kết nối tới các cổng thường dùng của Tor, hoặc tìm các tên của Tor.",
            "Chương trình khác cũng dùng cổng 9001 và 9030; có thể bài học nói về Tor.",
            "Xem `gateway.egress` đã bật cho nhóm chưa; Tor còn đi được qua cổng khác.",
        ),
        Signal.ECH: About(
            "tên bị che (ECH)",
            "Trình duyệt đưa ra một tên thay cho tên khác, dù câu trả lời của ta không có khóa: "
            "khóa đến từ máy chủ DNS khác.",
            "Có khả năng ECH không phải là dấu hiệu; trình duyệt nào cũng gửi bản rỗng.",
            'Xem "DNS mã hóa" của cùng nhóm: khóa đến bằng đường đó.',
        ),
        Signal.SNI: About(
            "tên chưa từng hỏi ở đây",
            "Kết nối nêu tên trang mà chưa ai hỏi DNS của trường.",
            "Sau khi khởi động lại, hoặc thiết bị nhớ tên từ nơi khác, thì là bình thường.",
            "Một lần: không cần làm gì. Ngày nào cũng có: có thiết bị dùng DNS mà ta không thấy.",
        ),
        Signal.ADDRESS: About(
            "địa chỉ cố định",
            "Kết nối tới địa chỉ mà DNS của trường chưa từng trả lời.",
            "Nhiều ứng dụng có sẵn địa chỉ: đồng hồ, trò chơi, tin nhắn.",
            "`filterd gateway status` cho biết đi đâu; thêm nơi cần dùng vào `gateway.reachable`.",
        ),
        Signal.NAME: About(
            "tên dịch vụ vượt lọc",
            "Tên của dịch vụ VPN, proxy hoặc ẩn danh được hỏi và đã bị chặn.",
            "Chỉ cần một liên kết trong trang; cũng có thể do tò mò, hoặc bài học về riêng tư.",
            "Không có gì bị lọt. Nhiều trong một tuần là lý do để trao đổi trên lớp.",
        ),
    },
}  # fmt: skip
GUILT: Mapping[str, str] = {
    "en": "A signal is no guilt: devices do most of this by themselves, and nobody is punished.",
    "vi": "Dấu hiệu không phải là bằng chứng có lỗi: thiết bị thường tự làm; không ai bị phạt.",
}
SAID: Mapping[str, Mapping[str, str]] = {
    "en": {
        "none": "no signals in the last 7 days",
        "group": "group",
        "signal": "signal",
        "day": "last day",
        "week": "last 7 days",
        "next": "what to do next",
        "means": "What it means",
        "not_means": "What else it may be",
        "title": "Signs of going round the filter, {first} to {last}",
        "attempts": "{n} attempts on {days} of 7 days (the 7 days before: {before})",
        "quiet": "Nothing to tell: no group reached what counts as a signal.",
        "never": "nobody has read the firewall's counters yet; run `filterd bypass look` as root",
        "old": "the firewall's counters were read last at {at}; run it as root",
        "total": "attempts",
        "clean": "no signals",
        "read": "{packets} packets read, {seconds} s of traffic",
        "short": "it has not the {seconds} s after which names and addresses are judged",
        "no_dns": "no DNS answers in it, so names and addresses cannot be judged",
        "full": "more names or addresses than are remembered; those two signals may be too high",
        "other": "{n} packets of another kind were passed over",
        "foreign": "{n} frames of Wi-Fi or another link need scapy, and were passed over: "
        "pip install scapy",
        "cut": "it ends in the middle of a packet",
    },
    "vi": {
        "none": "không có dấu hiệu nào trong 7 ngày qua",
        "group": "nhóm",
        "signal": "dấu hiệu",
        "day": "ngày qua",
        "week": "7 ngày qua",
        "next": "nên làm gì",
        "means": "Nghĩa là",
        "not_means": "Cũng có thể chỉ là",
        "title": "Dấu hiệu tránh bộ lọc, từ {first} đến {last}",
        "attempts": "{n} lần trong {days} trên 7 ngày (7 ngày trước đó: {before})",
        "quiet": "Không có gì: không nhóm nào đạt mức được coi là dấu hiệu.",
        "never": "chưa ai đọc bộ đếm của tường lửa; chạy `filterd bypass look` với quyền root",
        "old": "bộ đếm của tường lửa được đọc lần cuối lúc {at}; hãy chạy với quyền root",
        "total": "số lần",
        "clean": "không có dấu hiệu",
        "read": "đã đọc {packets} gói tin, {seconds} giây lưu lượng",
        "short": "tên và địa chỉ được xét sau {seconds} giây đầu, mà tệp này không tới",
        "no_dns": "trong tệp không có câu trả lời DNS, nên không xét được tên và địa chỉ",
        "full": "nhiều tên hoặc địa chỉ hơn mức ghi nhớ; hai dấu hiệu đó có thể cao hơn thật",
        "other": "bỏ qua {n} gói tin thuộc loại khác",
        "foreign": "bỏ qua {n} khung Wi-Fi hoặc loại liên kết khác vì cần scapy: pip install scapy",
        "cut": "tệp kết thúc giữa một gói tin",
    },
}
