"""Answers -> the configuration of a box, as text that a person goes on with."""

import ipaddress
from typing import Any

import yaml

from filterd.config.access import PRIVATE
from filterd.config.setup import STAFF, SetupConfig
from filterd.setup.account import GROUP

STATE = "/var/lib/filterd"
UNBOUND = "127.0.0.1:5335"
WEB_PORT = 8443
_PRIVATE = tuple(map(ipaddress.ip_network, PRIVATE))
_AGES: dict[str, dict[str, Any]] = {
    "preschool": {"age": "preschool", "youtube": "strict"},
    "primary": {"age": "primary", "youtube": "strict"},
    STAFF: {"age": "staff", "safe_search": False, "youtube": "off", "bypass_protection": False},
}
_ABOUT = {
    "en": {
        "head": "Every key: /usr/share/doc/filterd/docs/reference/config.md. After a change:\n"
        "`filterd check`, then `filterd reload`.",
        "listen": "Where clients ask.",
        "control": "Who may command without root: nobody, until somebody is in this group.",
        "access": "Networks that are answered beside private ones.",
        "upstream": "Unbound on this machine asks the internet, or the servers you named.",
        "default_group": "Who is in no network below.",
        "groups": "A group's age is that of its youngest member.",
        "gateway": "The firewall: `filterd gateway plan` shows it.",
        "http": "The HTTP filter: `filterd http check`.",
    },
    "vi": {
        "head": "Mọi khóa: /usr/share/doc/filterd/docs/reference/config.md. Sau khi sửa:\n"
        "`filterd check`, rồi `filterd reload`.",
        "listen": "Nơi máy trạm hỏi.",
        "control": "Ai được ra lệnh mà không cần root: không ai, khi nhóm này còn trống.",
        "access": "Mạng được trả lời, ngoài các mạng riêng.",
        "upstream": "Unbound trên máy này hỏi Internet, hoặc các máy chủ bạn đã nêu.",
        "default_group": "Máy không thuộc mạng nào bên dưới.",
        "groups": "Tuổi của nhóm là tuổi của em nhỏ nhất.",
        "gateway": "Tường lửa: `filterd gateway plan` cho xem.",
        "http": "Bộ lọc HTTP: `filterd http check`.",
    },
}


def configuration(answers: SetupConfig) -> dict[str, Any]:
    """Return the configuration as the mapping that the file says."""
    doors = [_door(each, 53) for each in answers.addresses]
    value: dict[str, Any] = {
        "language": answers.language,
        "state_dir": STATE,
        "listen": {"udp": doors, "tcp": doors},
        "control": {"group": GROUP},
    }
    if public := _public(answers):
        value["access"] = {"networks": public}
    value["upstream"] = {"servers": [str(each) for each in answers.upstream] or [UNBOUND]}
    value["default_group"] = answers.groups[0]
    value["groups"] = {name: _group(name, answers) for name in (*answers.groups, STAFF)
                       if name != STAFF or STAFF in answers.networks}  # fmt: skip
    if answers.gateway:
        value["gateway"] = {"lan": list(answers.lan)}
        if answers.uplink:
            value["gateway"]["uplink"] = list(answers.uplink)
        if answers.strict:
            value["gateway"]["egress"] = {"groups": list(answers.strict), "enforce": False}
    if answers.http:
        way = "transparent" if answers.gateway else "explicit"
        value["http"] = {"listen": {way: [_door(each, WEB_PORT) for each in answers.addresses]}}
    return value


def config_text(answers: SetupConfig) -> str:
    """Return the configuration file, with a word about each part."""
    said = _ABOUT[answers.language]
    lines = [f"# {line}" for line in said["head"].split("\n")]
    for key, part in configuration(answers).items():
        if key in said:
            lines += ["", f"# {said[key]}"]
        text = yaml.dump({key: part}, Dumper=_Plain, allow_unicode=True, sort_keys=False, width=96)
        lines.append(text.rstrip("\n"))
    return "\n".join(lines) + "\n"


def answers_text(answers: SetupConfig) -> str:
    """Return the answers as `--answers` takes them; not the password, for all may read them."""
    value = answers.model_dump(mode="json", exclude_defaults=True, exclude={"admin_password"})
    value = {"language": answers.language, "gateway": answers.gateway} | value
    return yaml.dump(value, Dumper=_Plain, allow_unicode=True, sort_keys=False, width=96)


class _Plain(yaml.SafeDumper):
    """No aliases: a configuration may not have them."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Never."""
        return True


def _group(name: str, answers: SetupConfig) -> dict[str, Any]:
    networks = list(answers.networks.get(name, ()))
    return dict(_AGES.get(name, {"age": name})) | ({"networks": networks} if networks else {})


def _door(address: str, port: int) -> str:
    ip = ipaddress.ip_interface(address).ip
    return f"{ip}:{port}" if ip.version == 4 else f"[{ip}]:{port}"


def _public(answers: SetupConfig) -> list[str]:
    """Networks on the LAN that are not private: those are answered only if they are named."""
    networks = (ipaddress.ip_interface(each).network for each in answers.addresses)
    return [str(each) for each in networks if not any(map(each.overlaps, _PRIVATE))]
