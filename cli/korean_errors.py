"""What breaks a rule, in Korean: the errors of files, options and settings that the command line shows to people.

Rules are written in English where they are kept. Here each has its sentence in Korean, `{}` standing for what differs;
a rule that is not here is shown in English in its Korean frame.
"""

import re
from functools import cache

from shared.errors import BadInput

PLACES = (
    ("command line", "명령줄"),
    ("environment", "환경 변수"),
    ("contract", "계약"),
    ("{} row {}", "{} {}행"),
)
FIELDS = (
    ("line {} column {}", "{}행 {}열"),
    ("file", "파일"),
    ("folder", "폴더"),
    ("date", "날짜"),
)
HINTS = (
    ("did you mean {}?", "{}을(를) 뜻하셨습니까?"),
    (
        "name topics of its own with SANDAN_TOPIC_PREFIX, or move them",
        "SANDAN_TOPIC_PREFIX로 다른 토픽 이름을 쓰거나 토픽을 옮기십시오",
    ),
)
RULES = (
    # Files and folders
    ("must exist", "있어야 합니다"),
    ("must be readable", "읽을 수 있어야 합니다"),
    ("must be a file", "파일이어야 합니다"),
    ("must be a folder", "폴더여야 합니다"),
    ("must be a folder that can be made", "만들 수 있는 폴더여야 합니다"),
    ("must be a folder that can be written", "쓸 수 있는 폴더여야 합니다"),
    ("must be in a folder that can be written", "쓸 수 있는 폴더 안에 있어야 합니다"),
    (
        "must be a new or empty folder, or that of the same study",
        "새 폴더, 빈 폴더 또는 같은 시나리오의 폴더여야 합니다",
    ),
    ("must be a deployment's folder", "배포 폴더여야 합니다"),
    (
        "must name a deployment's folder; none was started on this machine",
        "배포 폴더를 지정해야 합니다. 이 컴퓨터에서 시작된 배포가 없습니다",
    ),
    ("must be the folder of a deployment with simulated devices", "모의 장치가 있는 배포의 폴더여야 합니다"),
    ("must name each folder once", "같은 폴더를 한 번만 적어야 합니다"),
    (
        "must be another file than those that are read and that other options name",
        "읽는 파일이나 다른 옵션의 파일과 달라야 합니다",
    ),
    ("must end in {}", "{}(으)로 끝나야 합니다"),
    ("must have at most {} bytes", "{}바이트 이하여야 합니다"),
    ("must not change while it is read", "읽는 동안 바뀌지 않아야 합니다"),
    ("must be a file that the gateway wrote", "게이트웨이가 쓴 파일이어야 합니다"),
    ("must be a readable YAML file", "읽을 수 있는 YAML 파일이어야 합니다"),
    ("must be UTF-8 text", "UTF-8 텍스트여야 합니다"),
    ("must be YAML", "YAML이어야 합니다"),
    ("must be YAML in UTF-8", "UTF-8로 된 YAML이어야 합니다"),
    ("must be CSV", "CSV여야 합니다"),
    ("must be CSV in UTF-8", "UTF-8로 된 CSV여야 합니다"),
    # A meter archive as Parquet
    ("must be Parquet", "Parquet이어야 합니다"),
    ("must not be null", "비어 있지 않아야 합니다"),
    ("must be timestamps with a time zone", "시간대가 있는 시각이어야 합니다"),
    ("must be of the type {}", "{} 형이어야 합니다"),
    ("must occur once for each meter", "계량기마다 한 번만 나와야 합니다"),
    ("must be CSV or Parquet", "CSV 또는 Parquet이어야 합니다"),
    # JSON
    ("must be JSON", "JSON이어야 합니다"),
    ("must be a flat object", "깊이 중첩되지 않은 객체여야 합니다"),
    ("must be given once in its object", "한 객체에 한 번만 있어야 합니다"),
    ("must have names that are {}", "이름이 {} 조건에 맞아야 합니다"),
    ("must be Unicode without NUL or lone surrogates", "NUL과 짝 없는 서로게이트가 없는 유니코드여야 합니다"),
    ("must have at most {} digits", "{}자리 이하의 숫자여야 합니다"),
    ("must have an exponent of at most {}", "지수가 {} 이하여야 합니다"),
    ("must be an object", "객체여야 합니다"),
    ("must be an array of numbers", "숫자 배열이어야 합니다"),
    ("must be a number or an array of numbers", "숫자 또는 숫자 배열이어야 합니다"),
    ("must be an array of true and false", "true와 false의 배열이어야 합니다"),
    ("must be true or false", "true 또는 false여야 합니다"),
    # Rows and columns
    ("must have {} fields", "열이 {}개여야 합니다"),
    ("must be there: a row has {} fields, this one {}", "있어야 합니다: 한 행은 {}열, 이 행은 {}열"),
    ("must contain {}", "{}이(가) 있어야 합니다"),
    ("must be in line 1", "첫째 행에 있어야 합니다"),
    ("must be text", "텍스트여야 합니다"),
    ("must differ", "서로 달라야 합니다"),
    ("must occur once for {}", "{}에 한 번만 있어야 합니다"),
    ("must be a feeder of the feeder file, or blank", "피더 파일에 있는 피더이거나 비어 있어야 합니다"),
    # Values
    ("must be given", "필수 항목입니다"),
    ("must be given for a pv site", "pv 사업장에는 필수 항목입니다"),
    ("must be a known key", "알려진 항목이어야 합니다"),
    ("must be one of {}", "다음 중 하나여야 합니다: {}"),
    ("must be a valid {}", "올바른 값({})이어야 합니다"),
    ("must be a number", "숫자여야 합니다"),
    ("must be a number of kW from 0 to {}, or blank", "0~{} kW의 숫자이거나 비어 있어야 합니다"),
    ("must be true, false or blank", "true, false이거나 비어 있어야 합니다"),
    ("must be for a site of kind {}", "{} 종류의 지점이어야 합니다"),
    ("must be a number or blank", "숫자이거나 비어 있어야 합니다"),
    ("must be a number in KRW", "원 단위 숫자여야 합니다"),
    ("must be a number in KRW with at most 2 decimals", "소수 둘째 자리까지의 원 단위 숫자여야 합니다"),
    ("must be a decimal number", "십진수여야 합니다"),
    ("must be a finite number", "유한한 숫자여야 합니다"),
    ("must be finite", "유한해야 합니다"),
    ("must have at most {} decimals", "소수점 아래 {}자리까지여야 합니다"),
    ("must be greater than {}", "{}보다 커야 합니다"),
    ("must be greater than or equal to {}", "{} 이상이어야 합니다"),
    ("must be less than {}", "{}보다 작아야 합니다"),
    ("must be less than or equal to {}", "{} 이하여야 합니다"),
    ("must be > {} and <= {}", "{} 초과 {} 이하여야 합니다"),
    ("must be >= {} and <= {} kW with at most {} decimals", "{} 이상 {} kW 이하, 소수점 아래 {}자리까지여야 합니다"),
    ("must be >= {} and <= {}", "{} 이상 {} 이하여야 합니다"),
    ("must be > {}", "{}보다 커야 합니다"),
    ("must be >= {}", "{} 이상이어야 합니다"),
    (
        "must be <= {} {} in {} minutes, {} times the contract power of {} kW",
        "{} {} 이하여야 합니다({}분간, 계약전력의 {}배, 계약전력 {} kW)",
    ),
    ("must be <= {} Wh, what can flow through {} in a quarter hour", "{} Wh 이하여야 합니다(15분간 {} 통과 가능량)"),
    ("must be <= {}", "{} 이하여야 합니다"),
    ("must be the first day or one of the {} after it", "첫날이거나 그 뒤 {}일 안이어야 합니다"),
    (
        "must lie within the days whose holidays are known ({} to {})",
        "공휴일을 아는 기간({}~{}) 안이어야 합니다",
    ),
    ("must be a factory or a roof of {}", "{}의 공장이나 지붕이어야 합니다"),
    ("must be between {} and {}", "{}에서 {} 사이여야 합니다"),
    ("must be at least one interval of the history ({} min)", "이력의 한 구간({}분) 이상이어야 합니다"),
    ("must be at least {} in number", "{}개 이상이어야 합니다"),
    ("must be at least {}", "{} 이상이어야 합니다"),
    ("must be at most {} days", "{}일 이하여야 합니다"),
    ("must be in (0, {}]", "0 초과 {} 이하여야 합니다"),
    ("must be in (0, {}] s", "0초 초과 {}초 이하여야 합니다"),
    ("must lie within +-{} KRW per kWh, with at most {} decimals", "±{}원/kWh 이내, 소수점 아래 {}자리까지여야 합니다"),
    ("must lie within +-{} KRW per kWh", "±{}원/kWh 이내여야 합니다"),
    ("must be a whole number of Wh from 0 to {}", "0에서 {}까지의 Wh 정수여야 합니다"),
    ("must be {} in number", "{}개여야 합니다"),
    ("must name each once", "각각 한 번만 적어야 합니다"),
    # Cases of a schedule
    ("must have at least one step", "구간이 하나 이상이어야 합니다"),
    ("must have as many steps as load_kw ({})", "load_kw와 구간 수({})가 같아야 합니다"),
    ("must be a multiple of step_minutes ({})", "step_minutes({})의 배수여야 합니다"),
    ("must have a schedule that can be computed", "계산할 수 있는 계획이 있어야 합니다"),
    (
        "must hold numbers of magnitudes that floats can solve together",
        "부동소수점으로 함께 풀 수 있는 크기의 숫자여야 합니다",
    ),
    # Time
    ("must be ISO 8601", "ISO 8601 형식이어야 합니다"),
    ("must be ISO 8601, e.g. {}", "ISO 8601 형식이어야 합니다(예: {})"),
    ("must be YYYY-MM-DD", "YYYY-MM-DD 형식이어야 합니다"),
    ("must be a date as YYYY-MM-DD", "YYYY-MM-DD 형식의 날짜여야 합니다"),
    ("must be YYYY-MM, from {} to {}", "{}년에서 {}년까지의 YYYY-MM이어야 합니다"),
    ("must be a day or a month, such as {} or {}", "날 또는 달이어야 합니다(예: {}, {})"),
    ("must be a day such as {}", "날짜여야 합니다(예: {})"),
    ("must be a time such as {}", "시각이어야 합니다(예: {})"),
    ("must be a duration like 15min, 6h or 1d", "15min, 6h, 1d와 같은 기간이어야 합니다"),
    ("must be a whole minute", "분 단위여야 합니다"),
    (
        "must be a list of days, or `from` and `to`, days such as {}",
        "날짜 목록이거나 `from`과 `to`여야 합니다(예: {})",
    ),
    ("must be a name of the time zone database, e.g. {}", "시간대 데이터베이스의 이름이어야 합니다(예: {})"),
    ("must carry a UTC offset", "UTC 오프셋이 있어야 합니다"),
    ("must be the start of a quarter hour", "15분 구간의 시작이어야 합니다"),
    ("must be after --from ({})", "--from({})보다 나중이어야 합니다"),
    ("must be the day of --from or later, by less than {} days", "--from과 같은 날이거나 그 뒤 {}일 미만이어야 합니다"),
    ("must lie in the years {} to {}", "{}년에서 {}년 사이여야 합니다"),
    ("must lie within a year of the history ({} to {})", "이력({}~{})에서 1년 이내여야 합니다"),
    ("must follow by quarter hours (or half hours, or hours)", "15분(또는 30분, 1시간) 간격으로 이어져야 합니다"),
    ("must keep the step of the other rows, {} minutes", "다른 행과 같은 {}분 간격이어야 합니다"),
    ("must begin on a multiple of the file's step, {} minutes", "파일 간격 {}분의 배수에서 시작해야 합니다"),
    # Meters, tariffs and studies
    ("must have readings of {}", "{}의 검침값이 있어야 합니다"),
    ("must have readings in {}", "{}의 검침값이 있어야 합니다"),
    ("must lie in {} (seconds {} to {})", "{} 안에 있어야 합니다({}~{}초)"),
    ("must be known for every day billed", "청구하는 모든 날에 알려져 있어야 합니다"),
    (
        "must be the energy of the interval, not a register's reading, for {}",
        "{}: 누적 지침이 아니라 구간 전력량이어야 합니다",
    ),
    ("must be the energy of the interval, not a register's reading", "누적 지침이 아니라 구간 전력량이어야 합니다"),
    ("must be one of quarter hours for {}", "{}: 15분 구간 중 하나여야 합니다"),
    ("must be a day with a known or assumed price", "단가가 알려져 있거나 가정된 날이어야 합니다"),
    (
        "must be a day with known prices: {} is known until {} (gathered {})",
        "단가가 알려진 날이어야 합니다: {} 요금은 {}까지 확인됨({} 수집)",
    ),
    ("must be a day with known prices of {}", "{} 단가가 알려진 날이어야 합니다"),
    ("must lie within the known holidays, {} to {}", "공휴일이 알려진 {}~{} 사이여야 합니다"),
    ("must have a price in version {}", "{} 요금표에 단가가 있어야 합니다"),
    ("must ask for at most {} rows", "{}행 이하를 요청해야 합니다"),
    ("must go without --per 1min", "--per 1min 없이 써야 합니다"),
    ("must be {} as in {}", "{}이어야 합니다({}와 같게)"),
    ("must be {} for {}", "{}이어야 합니다({})"),
    ("must be an auction whose terms were kept", "조건이 보관된 경매여야 합니다"),
    ("must name a past auction", "지난 경매여야 합니다"),
    # A system that runs
    ("must be host:port, port 1 to 65535", "host:port여야 하며 포트는 1~65535입니다"),
    ("must be tcp://host:port or tls://host:port", "tcp://host:port 또는 tls://host:port여야 합니다"),
    ("must be numbers and ranges from 1 to {}, such as {}", "1에서 {}까지의 번호와 범위여야 합니다(예: {})"),
    ("must be an address where a Modbus TCP device listens", "Modbus TCP 장치가 응답하는 주소여야 합니다"),
    ("must be a port that is free on {}", "{}에서 비어 있는 포트여야 합니다"),
    ("must go on answering", "계속 응답해야 합니다"),
    ("must answer", "응답해야 합니다"),
    ("must answer until the end", "끝까지 응답해야 합니다"),
    ("must start", "시작되어야 합니다"),
    ("must be ready within {} s", "{}초 안에 준비되어야 합니다"),
    ("must not run yet", "아직 실행 중이 아니어야 합니다"),
    ("must name a Kafka broker that lets topics be created", "토픽을 만들 수 있는 Kafka 브로커여야 합니다"),
    ("must have {} partitions", "파티션이 {}개여야 합니다"),
    ("must have at least {} copies of each partition", "파티션마다 복제본이 {}개 이상이어야 합니다"),
    ("must name a Kafka broker that lets us in", "접속을 허용하는 Kafka 브로커여야 합니다"),
)


def in_korean(error: BadInput) -> str:
    """Return the error's line: where, field, rule, value and hint."""
    hint = f" ({_translated(HINTS, error.hint)})" if error.hint else ""
    where, field = _translated(PLACES, error.where), _translated(FIELDS, error.field)
    return f"{where}: {field}: {_translated(RULES, error.rule)}. 입력값: {error.shown}{hint}"


def _translated(pairs: tuple[tuple[str, str], ...], text: str) -> str:
    for pattern, korean in _patterns(pairs):
        if found := pattern.fullmatch(text):
            return korean.format(*found.groups())
    return text


@cache
def _patterns(pairs: tuple[tuple[str, str], ...]) -> list[tuple[re.Pattern[str], str]]:
    """Return what each English form matches; the forms with the most words of their own come first."""
    ordered = sorted(pairs, key=lambda pair: -len(pair[0].replace("{}", "")))
    return [
        (re.compile(re.escape(english).replace(r"\{\}", "(.+?)"), re.DOTALL), korean) for english, korean in ordered
    ]
