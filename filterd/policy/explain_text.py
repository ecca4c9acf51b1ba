"""An explanation in words, English and Vietnamese: nine lines and the rules under them."""

from collections.abc import Mapping
from dataclasses import dataclass

from filterd.model.group import ALWAYS
from filterd.model.rule import Action
from filterd.model.verdict import Step
from filterd.policy.classes import Origin
from filterd.policy.explain import Explanation, Found, Outcome, StepLine
from filterd.policy.precedence import Why


@dataclass(frozen=True, slots=True)
class _Words:
    steps: Mapping[Step, str]
    outcomes: Mapping[Outcome, str]
    whys: Mapping[Why, str]
    kinds: Mapping[str, str]
    verdict: str
    age: str
    line: str
    illegal: str
    in_force: str
    not_in_force: str
    everything: str
    exception: str
    inside: str
    outside: str


def render(explanation: Explanation, language: str) -> list[str]:
    """Return the walk as lines of text; `language` is "vi" or "en"."""
    words = _LANGUAGES[language]
    asked, decided = explanation.asked, explanation.decided
    head = words.verdict.format(
        name=asked.name,
        group=asked.group,
        age=explanation.age,
        kind=words.kinds[decided.kind],
        step=decided.step,
    )
    lines = [head]
    for line in explanation.lines:
        lines.append(_step_line(line, words))
        if line.step is Step.SCHEDULE:
            lines.extend(_schedule_lines(explanation, words))
        lines.extend(_rule_line(found, explanation, words) for found in line.found)
    return lines


def _step_line(line: StepLine, words: _Words) -> str:
    mark = ">" if line.outcome is Outcome.DECIDES else " "
    return f"{mark} {line.step.value}. {words.steps[line.step]}: {words.outcomes[line.outcome]}"


def _schedule_lines(explanation: Explanation, words: _Words) -> list[str]:
    lines = []
    for state in explanation.schedules:
        where = words.outside if state.outside else words.inside
        when = words.in_force if state.in_force else words.not_in_force
        what = words.everything if state.in_force and state.everything else ""
        lines.append(f"     {where} {state.schedule}: {when}{what}")
    return lines


def _rule_line(found: Found, explanation: Explanation, words: _Words) -> str:
    rule = found.rule
    own = rule.origin in (Origin.LIST, Origin.ORDER, Origin.WARNING)
    parts = [rule.list if own else rule.origin.value]
    if rule.service is not None:
        parts.append(rule.service)
    if rule.category is not None:
        parts.append(rule.category)
    if found.file:
        parts.append(found.file)
    if found.line:
        parts.append(words.line.format(found.line))
    why = words.whys[found.why]
    if found.why is Why.AGE and rule.action is Action.ALLOW:
        why = words.exception
    if found.why in (Why.AGE, Why.OLD_ENOUGH) and found.min_age is not None:
        limit = words.illegal if found.min_age >= ALWAYS else f"{found.min_age}+"
        why += words.age.format(limit=limit, age=explanation.age)
    if rule.note:
        why += f": {rule.note}"
    mark = "*" if found.decides else ("+" if found.applies else "-")
    return f"   {mark} {rule.action.value} {found.pattern} [{', '.join(parts)}] {why}"


_ENGLISH = _Words(
    steps={
        Step.MUST_NOT_BLOCK: "must not be blocked",
        Step.ORDER: "mandatory order",
        Step.OVERRIDE: "teacher's temporary permission",
        Step.SCHEDULE: "schedule",
        Step.LOCAL_ALLOW: "allowed by the school",
        Step.LOCAL_BLOCK: "blocked by the school",
        Step.LIST: "lists",
        Step.AGE: "age",
        Step.DEFAULT: "default of the group",
    },
    outcomes={
        Outcome.DECIDES: "decides",
        Outcome.OUTRANKED: "would apply, but an earlier step decided",
        Outcome.PASSED_OVER: "does not apply",
        Outcome.SILENT: "says nothing about this name",
    },
    whys={
        Why.ALWAYS: "for everyone, always",
        Why.ORDER: "by order, for everyone",
        Why.OVERRIDE: "permitted for now",
        Why.SCHEDULE: "the schedule is in force",
        Why.LOCAL: "the school's own rule",
        Why.SERVICE: "the group's choice of services",
        Why.BYPASS: "guards against going round the filter",
        Why.REBIND: "a private address in a public name",
        Why.LIST: "the group uses this list",
        Why.AGE: "below the age",
        Why.SAFE_SEARCH: "safe search is on",
        Why.WARNING: "warns, where the HTTP filter can show a page",
        Why.OTHER_GROUP: "is for another group",
        Why.EXPIRED: "the permission has ended",
        Why.UNFILTERED: "the group is not filtered",
        Why.LIST_NOT_USED: "the group does not use this list",
        Why.OLD_ENOUGH: "old enough",
        Why.SERVICE_NOT_CHOSEN: "the group has not chosen this service",
        Why.BYPASS_OFF: "bypass protection is off",
        Why.SAFE_SEARCH_OFF: "safe search is off",
        Why.CONDITION: "the rule is for another type or client",
    },
    kinds={
        "pass": "passes",
        "allow": "is allowed",
        "block": "is blocked",
        "rewrite": "is rewritten",
    },
    verdict="{name} for group {group} (age {age}): {kind}, step {step}",
    age=" ({limit}, youngest member {age})",
    line="line {}",
    illegal="illegal for everyone",
    in_force="in force",
    not_in_force="not in force",
    everything=", blocks every name",
    exception="an exception, which holds below the age",
    inside="during",
    outside="outside",
)

_VIETNAMESE = _Words(
    steps={
        Step.MUST_NOT_BLOCK: "không được phép chặn",
        Step.ORDER: "lệnh bắt buộc",
        Step.OVERRIDE: "giáo viên cho phép tạm thời",
        Step.SCHEDULE: "thời khóa biểu",
        Step.LOCAL_ALLOW: "nhà trường cho phép",
        Step.LOCAL_BLOCK: "nhà trường chặn",
        Step.LIST: "danh sách",
        Step.AGE: "lứa tuổi",
        Step.DEFAULT: "mặc định của nhóm",
    },
    outcomes={
        Outcome.DECIDES: "quyết định",
        Outcome.OUTRANKED: "có áp dụng, nhưng bước trước đã quyết định",
        Outcome.PASSED_OVER: "không áp dụng",
        Outcome.SILENT: "không nói gì về tên miền này",
    },
    whys={
        Why.ALWAYS: "cho mọi người, mọi lúc",
        Why.ORDER: "theo lệnh, cho mọi người",
        Why.OVERRIDE: "đang được cho phép",
        Why.SCHEDULE: "đang trong khung giờ",
        Why.LOCAL: "quy định của trường",
        Why.SERVICE: "dịch vụ do nhóm chọn",
        Why.BYPASS: "chống vượt bộ lọc",
        Why.REBIND: "tên miền công cộng trỏ vào mạng nội bộ",
        Why.LIST: "nhóm dùng danh sách này",
        Why.AGE: "chưa đủ tuổi",
        Why.SAFE_SEARCH: "tìm kiếm an toàn đang bật",
        Why.WARNING: "cảnh báo, nơi bộ lọc HTTP hiện được trang",
        Why.OTHER_GROUP: "dành cho nhóm khác",
        Why.EXPIRED: "thời gian cho phép đã hết",
        Why.UNFILTERED: "nhóm không bị lọc",
        Why.LIST_NOT_USED: "nhóm không dùng danh sách này",
        Why.OLD_ENOUGH: "đã đủ tuổi",
        Why.SERVICE_NOT_CHOSEN: "nhóm không chọn dịch vụ này",
        Why.BYPASS_OFF: "chống vượt lọc đang tắt",
        Why.SAFE_SEARCH_OFF: "tìm kiếm an toàn đang tắt",
        Why.CONDITION: "luật dành cho loại truy vấn hoặc máy khác",
    },
    kinds={
        "pass": "cho qua",
        "allow": "được phép",
        "block": "bị chặn",
        "rewrite": "được thay câu trả lời",
    },
    verdict="{name} với nhóm {group} (tuổi {age}): {kind}, bước {step}",
    age=" ({limit}, người nhỏ nhất {age} tuổi)",
    line="dòng {}",
    illegal="cấm với mọi người",
    in_force="đang có hiệu lực",
    not_in_force="lúc này không có hiệu lực",
    everything=", chặn mọi tên miền",
    exception="ngoại lệ của danh sách, áp dụng khi chưa đủ tuổi",
    inside="trong",
    outside="ngoài",
)

_LANGUAGES = {"en": _ENGLISH, "vi": _VIETNAMESE}
