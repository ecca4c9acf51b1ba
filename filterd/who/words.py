"""What `filterd who` and `filterd check` say of clients, in Vietnamese and English."""

from collections.abc import Mapping

SAID: Mapping[str, Mapping[str, str]] = {
    "en": {
        "client": "CLIENT",
        "group": "GROUP",
        "id": "KNOWN BY",
        "address": "ADDRESS NOW",
        "source": "SOURCE",
        "until": "UNTIL",
        "nowhere": "not seen",
        "nobody": "no client is known by name; `clients` in the configuration names some",
        "devices": "devices seen: {devices}, of these with a made-up (randomised) MAC address: "
        "{randomised}",
        "problem": "{source}: {why}",
        "mac-randomised": "{id} looks like a randomised address: it changes; ask the owner to "
        "switch off private addresses for this network, or use RADIUS or a VLAN",
        "host-proves-nothing": "{id}: a device calls itself what it likes, so no one should gain "
        "anything by a name; group {group} is for ages above that of group {default}",
        "user-may-be-claimed": "{id}: accounting may have the name that a device gives outside of "
        "the login (EAP's outer identity), which anybody may choose, and group {group} is for ages "
        "above that of group {default}; use class:, which the RADIUS server sets, or have it send "
        "the name that logged in (docs/who-is-who.md)",
        "unsourced": "{id}: no source can tell where it is; name one under `who`",
    },
    "vi": {
        "client": "MÁY/NGƯỜI",
        "group": "NHÓM",
        "id": "NHẬN BIẾT BẰNG",
        "address": "ĐỊA CHỈ HIỆN NAY",
        "source": "NGUỒN",
        "until": "ĐẾN KHI",
        "nowhere": "chưa thấy",
        "nobody": "chưa có máy nào được đặt tên; xem mục `clients` trong cấu hình",
        "devices": "số thiết bị đã thấy: {devices}, trong đó dùng địa chỉ MAC ngẫu nhiên: "
        "{randomised}",
        "problem": "{source}: {why}",
        "mac-randomised": "{id} có vẻ là địa chỉ ngẫu nhiên: nó sẽ đổi; hãy nhờ chủ máy tắt địa "
        "chỉ riêng tư (private address) cho mạng này, hoặc dùng RADIUS hay VLAN",
        "host-proves-nothing": "{id}: thiết bị tự đặt tên tùy ý, nên không ai được lợi gì nhờ một "
        "cái tên; nhóm {group} dành cho tuổi lớn hơn nhóm {default}",
        "user-may-be-claimed": "{id}: bản ghi RADIUS (accounting) có thể chứa tên mà thiết bị tự "
        "khai bên ngoài phần đăng nhập (outer identity của EAP), ai cũng đặt được, và nhóm {group} "
        "dành cho tuổi lớn hơn nhóm {default}; hãy dùng class: do máy chủ RADIUS đặt, hoặc để máy "
        "chủ gửi đúng tên đã đăng nhập (docs/who-is-who.md)",
        "unsourced": "{id}: không có nguồn nào cho biết nó ở đâu; hãy khai báo trong `who`",
    },
}
