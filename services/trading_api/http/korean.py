"""What breaks a rule of a call, in Korean: the rules of this API, and those of the framework that checks its fields."""

from shared.errors import translated
from shared.validation import rule_of

# English where the rules are kept; `{}` stands for what differs.
RULES = (
    # Of the framework
    ("must be given", "필수 항목입니다"),
    ("must be a known key", "알려진 항목이어야 합니다"),
    ("must be a valid string", "문자열이어야 합니다"),
    ("must be a valid number", "숫자여야 합니다"),
    ("must be a valid integer", "정수여야 합니다"),
    ("must be a valid integer, {}", "정수여야 합니다"),
    ("must be a valid boolean, {}", "true 또는 false여야 합니다"),
    ("must be a valid boolean", "true 또는 false여야 합니다"),
    ("must be a valid tuple", "목록이어야 합니다"),
    ("must be a valid list", "목록이어야 합니다"),
    ("must be a valid dictionary or object to extract fields from", "객체여야 합니다"),
    ("must be a valid dictionary", "객체여야 합니다"),
    ("must be a finite number", "유한한 숫자여야 합니다"),
    ("must be greater than {}", "{}보다 커야 합니다"),
    ("must be greater than or equal to {}", "{} 이상이어야 합니다"),
    ("must be less than {}", "{}보다 작아야 합니다"),
    ("must be less than or equal to {}", "{} 이하여야 합니다"),
    ("must have at least {} characters", "{}자 이상이어야 합니다"),
    ("must have at least {} character", "{}자 이상이어야 합니다"),
    ("must have at most {} characters", "{}자 이하여야 합니다"),
    ("must have at least {} items after validation, not {}", "{}개 이상이어야 합니다(입력 {}개)"),
    ("must have at least {} item after validation, not {}", "{}개 이상이어야 합니다(입력 {}개)"),
    ("must have at most {} items after validation, not {}", "{}개 이하여야 합니다(입력 {}개)"),
    ("must match pattern {}", "{} 형식이어야 합니다"),
    ("must be {} or {}", "다음 중 하나여야 합니다: {} or {}"),
    ("must be {}", "{}이어야 합니다"),
    # Numbers, instants, texts
    ("must be a number", "숫자여야 합니다"),
    ("must be a decimal string or a number", "십진수 문자열 또는 숫자여야 합니다"),
    ("must be a decimal like {}", "{}와 같은 십진수여야 합니다"),
    ("must be a whole number", "정수여야 합니다"),
    ("must have at most {} decimals", "소수점 아래 {}자리까지여야 합니다"),
    ("must be within ±{}", "±{} 이내여야 합니다"),
    ("must be > 0 kWh", "0 kWh보다 커야 합니다"),
    ("must be from {} to {} kW", "{}~{} kW여야 합니다"),
    ("must be a string in ISO 8601 with an offset", "오프셋이 있는 ISO 8601 문자열이어야 합니다"),
    ("must be an instant like {}", "{}와 같은 시각이어야 합니다"),
    ("must be an instant that there is", "존재하는 시각이어야 합니다"),
    ("must carry an offset, as in {}", "{}처럼 오프셋이 있어야 합니다"),
    ("must lie in {}-{}", "{}년에서 {}년 사이여야 합니다"),
    ("must be a Korean day like {}", "{}와 같은 한국 날짜여야 합니다"),
    ("must be a day that there is", "존재하는 날짜여야 합니다"),
    ("must be the start of a 15-minute delivery interval", "15분 인도 구간의 시작이어야 합니다"),
    ("must be true or false", "true 또는 false여야 합니다"),
    ("must be one line without control or direction characters", "제어 문자와 방향 문자가 없는 한 줄이어야 합니다"),
    ("must be Unicode without NUL or lone surrogates", "NUL과 짝 없는 서로게이트가 없는 유니코드여야 합니다"),
    # Orders, plans, studies
    ("must be at least {}", "{} 이상이어야 합니다"),
    ("must be at most {}", "{} 이하여야 합니다"),
    ("must be a multiple of {}", "{}의 배수여야 합니다"),
    ("must lie within one Korean day", "한국 날짜로 하루 안이어야 합니다"),
    ("must change price_krw_per_kwh or quantity_kwh", "price_krw_per_kwh 또는 quantity_kwh를 바꿔야 합니다"),
    ("end must be after begin, by at most {} days", "end는 begin보다 늦고 {}일 이내여야 합니다"),
    ("expected_kw must be given for a {}", "{}에는 expected_kw가 필요합니다"),
    ("must be in the future", "미래여야 합니다"),
    ("scenarios must be at most {} in number, were {}", "시나리오는 {}개 이하여야 합니다(요청 {}개)"),
    # The calendar, bidding
    ("must hold at the earliest 15 minutes after the request", "요청하고 15분 뒤부터 적용할 수 있습니다"),
    ("must hold after the version before it", "앞 버전보다 뒤에 적용되어야 합니다"),
    ("gate closure must be at least {} minutes before delivery", "마감은 인도 {}분 전 이상이어야 합니다"),
    ("opening must come before gate closure", "개시는 마감보다 앞서야 합니다"),
    ("price limits must be in order", "가격 하한은 상한 이하여야 합니다"),
    ("price limits must be within ±{} KRW/kWh", "가격 한도는 ±{}원/kWh 이내여야 합니다"),
    (
        "the day-ahead gate must close before that of the day's first interval",
        "하루전 경매는 그날 첫 구간의 마감보다 먼저 마감해야 합니다",
    ),
    ("must be given by an operator", "운영자는 어느 참가자인지 지정해야 합니다"),
    # Parameters, bodies, keys
    ("must be left out; this call takes no body", "본문이 없는 호출이므로 빼야 합니다"),
    ("must be left out; this call has no parameters", "매개변수가 없는 호출이므로 빼야 합니다"),
    ("must be one of {}; did you mean {}?", "다음 중 하나여야 합니다: {} ({}을(를) 뜻하셨습니까?)"),
    ("must be one of {}", "다음 중 하나여야 합니다: {}"),
    ("must be given once", "한 번만 있어야 합니다"),
    ("must be the next_cursor of a page of this list", "이 목록에서 받은 next_cursor여야 합니다"),
    ("must name a participant of the complex", "단지의 참여자여야 합니다"),
    ("belongs to the role factory only", "factory 역할에만 쓸 수 있습니다"),
    ("must fit into a message of {} bytes", "{}바이트 메시지에 들어가야 합니다"),
    # A body that is no JSON
    ("must be JSON", "JSON이어야 합니다"),
    ("must be UTF-8 text", "UTF-8 텍스트여야 합니다"),
    ("must be a flat object", "깊이 중첩되지 않은 객체여야 합니다"),
)


def rule_in_korean(rule: str) -> str:
    """Return a rule's Korean sentence; one that is not here stays in English."""
    return translated(RULES, rule_of(rule))
