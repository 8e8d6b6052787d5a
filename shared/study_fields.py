"""What a what-if study may ask for, wherever it is asked (over HTTP, or in a study file), and what it leaves out."""

from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field, StringConstraints

from shared.validation import number

Scale = Annotated[float, BeforeValidator(number), Field(ge=0, le=100, allow_inf_nan=False)]
OptionName = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=20, pattern=r"^[A-Za-z0-9_-]+$")]

Scales = Annotated[tuple[Scale, ...], Field(min_length=1, max_length=10)]
OptionNames = Annotated[tuple[OptionName, ...], Field(min_length=1, max_length=5)]

# One site's day is a solve of about 20 ms; 200 of them on a dozen sites keep a core busy for a minute.
SCENARIOS_MAX = 200

# As built, and each factory's own option.
SCALES_AS_BUILT = (1.0,)
OPTIONS_AS_IS = ("as-is",)


class StudyNote(NamedTuple):
    """What has to be known before a study's figures are used: a stable code and a sentence in each language."""

    code: str
    en: str
    ko: str


# Said with every study, before its figures.
NOT_MODELLED = (
    StudyNote(
        "feeder_limits",
        "Feeders' import and export limits bound no plan; where a result breaks one, the result says so.",
        "피더의 수전·송전 한도는 계획에 반영되지 않음. 결과가 한도를 넘으면 결과에 표시함.",
    ),
    StudyNote(
        "local_trades",
        "All energy is bought from and sold to the grid company: trades between the factories, wheeling fees and losses"
        " are left out.",
        "모든 전력을 한전과 거래하는 것으로 봄. 단지 내 거래, 이용료, 손실은 제외.",
    ),
    StudyNote(
        "demand_of_other_days",
        "The base charge is the day's share of a month whose highest demand is that day's, or what the contract's "
        "past_peaks_kw tell; what was metered on other days, and what a peak costs in later months, is left out.",
        "기본요금은 그날의 최대수요 또는 계약의 past_peaks_kw 중 큰 값에 대한 하루분. 다른 날의 계량 최대수요와 "
        "이후 달에 미치는 영향은 제외.",
    ),
    StudyNote(
        "contract_power",
        "Contract power bounds no plan, and the surcharge for demand above it is left out.",
        "계약전력은 계획의 한도가 아니며 초과요금은 제외.",
    ),
    StudyNote(
        "taxes_and_levies",
        "Value added tax, fund, climate and fuel charges and the power factor are left out.",
        "부가가치세, 전력기금, 기후환경·연료비 요금, 역률 요금은 제외.",
    ),
    StudyNote(
        "foresight",
        "Batteries are scheduled with hindsight against the day's own prices, load and sun, and end each day as full as"
        " they began it; forecasts would save less. The cost of their cycles is weighed, and in no figure.",
        "배터리는 그날의 가격·부하·일사를 미리 아는 것으로 계획하고 하루 끝 충전량은 시작과 같음. 예측으로 운전하면 "
        "절감이 더 작음. 사이클 비용은 계획에만 반영.",
    ),
)
