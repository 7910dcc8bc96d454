"""What people read when something is refused, in Persian and in English."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal

from flask import request
from werkzeug.datastructures import LanguageAccept

Language = Literal["fa", "en"]

STATUS_TITLES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("درخواست نادرست", "Bad request"),
    401: ("ورود لازم است", "Sign-in required"),
    403: ("اجازه ندارید", "Forbidden"),
    404: ("پیدا نشد", "Not found"),
    405: ("روش نادرست", "Method not allowed"),
    406: ("قالب پاسخ پشتیبانی نمی‌شود", "Not acceptable"),
    408: ("درخواست ناتمام ماند", "Request timeout"),
    409: ("با وضعیت دفتر سازگار نیست", "Conflict"),
    412: ("نسخه تغییر کرده است", "Precondition failed"),
    413: ("درخواست بزرگ است", "Content too large"),
    415: ("قالب درخواست پشتیبانی نمی‌شود", "Unsupported media type"),
    422: ("مقدار نادرست", "Invalid input"),
    429: ("درخواست زیاد", "Too many requests"),
    500: ("خطای داخلی", "Internal error"),
    503: ("در دسترس نیست", "Unavailable"),
}

MESSAGES: Final[Mapping[str, tuple[str, str]]] = {
    # The request as a whole
    "bad_request": ("درخواست نادرست است.", "The request cannot be understood."),
    "malformed_json": (
        "بدنهٔ درخواست JSON درستی نیست.",
        "The body is not well-formed JSON.",
    ),
    "not_found": ("چنین نشانی‌ای وجود ندارد.", "There is nothing at this address."),
    "method_not_allowed": (
        "این روش برای این نشانی مجاز نیست.",
        "This address does not take this method.",
    ),
    "not_acceptable": (
        "پاسخ در قالب خواسته‌شده موجود نیست.",
        "No answer exists in the format asked for.",
    ),
    "body_too_large": (
        "بدنهٔ درخواست از یک مبی‌بایت بزرگ‌تر است.",
        "The body is larger than 1 MiB.",
    ),
    "unsupported_media_type": (
        "بدنهٔ درخواست باید application/json با کدگذاری UTF-8 باشد.",
        "The body must be application/json in UTF-8.",
    ),
    "file_too_large": (
        "پرونده از ۳۲ مبی‌بایت بزرگ‌تر است.",
        "The file is larger than 32 MiB.",
    ),
    "form_expected": (
        "بدنهٔ درخواست باید multipart/form-data باشد.",
        "The body must be multipart/form-data.",
    ),
    "validation_failed": (
        "یک یا چند مقدار نادرست است.",
        "One or more values are invalid.",
    ),
    "too_many_requests": (
        "درخواست‌ها بیش از اندازه است؛ {retry_after} ثانیهٔ دیگر دوباره بفرستید.",
        "Too many requests; try again in {retry_after} seconds.",
    ),
    "internal_error": (
        "خطایی در سرور رخ داد. شناسهٔ درخواست را به پشتیبانی بدهید.",
        "Something failed on the server. Give support the request id.",
    ),
    "store_unavailable": (
        "پایگاه داده در دسترس نیست؛ چیزی ثبت نشد.",
        "The database is unavailable; nothing was recorded.",
    ),
    "outcome_unknown": (
        "معلوم نیست که این درخواست ثبت شد یا نه؛ آن را با همان Idempotency-Key دوباره بفرستید.",
        "It is not known whether this was recorded; send it again with the same Idempotency-Key.",
    ),
    "not_migrated": (
        "ساختار پایگاه داده به‌روز نیست.",
        "The database's schema is not up to date.",
    ),
    # Files that people bring, and the jobs that read them
    "queue_unavailable": (
        "صف کارها در دسترس نیست؛ چیزی نگه داشته نشد. اندکی بعد دوباره بفرستید.",
        "The job queue is unavailable; nothing was kept. Send it again soon.",
    ),
    "too_many_jobs": (
        "{maximum} کار شما هنوز تمام نشده است؛ اندکی بعد دوباره بفرستید.",
        "{maximum} of your jobs are not finished yet; try again soon.",
    ),
    "job_not_found": ("چنین کاری ندارید.", "You have no such job."),
    "import_not_found": ("چنین درون‌ریزی‌ای ندارید.", "You have no such import."),
    "file_unreadable": (
        "این پرونده CSV یا XLSX خوانایی نیست.",
        "This is not a CSV or XLSX file that can be read.",
    ),
    "file_empty": ("این پرونده ردیفی ندارد.", "This file holds no rows."),
    "too_many_rows": (
        "بیشتر از {maximum} ردیف در یک پرونده نمی‌شود.",
        "A file holds at most {maximum} rows.",
    ),
    "column_missing": (
        "ستونی برای این مقدار پیدا نشد؛ نام یا شمارهٔ آن را بگویید.",
        "No column was found for this value; say its header or its position.",
    ),
    "column_not_found": (
        "پرونده چنین ستونی ندارد.",
        "The file has no such column.",
    ),
    "invalid_column": (
        "ستون با نام آن، یا با شماره‌ای از ۱ تا {maximum} گفته می‌شود.",
        "A column is said by its header, or by its position from 1 to {maximum}.",
    ),
    # Single fields
    "required": ("این مقدار لازم است.", "This value is required."),
    "body_required": ("بدنهٔ درخواست لازم است.", "A body is required."),
    "null_not_allowed": ("این مقدار نمی‌تواند خالی (null) باشد.", "This value cannot be null."),
    "unknown_field": ("چنین مقداری شناخته نیست.", "This field is not known."),
    "duplicate": ("این مقدار بیش از یک بار آمده است.", "This value was given more than once."),
    "invalid": ("این مقدار درست نیست.", "This value is invalid."),
    "not_an_object": ("باید یک شیء JSON باشد.", "This must be a JSON object."),
    "not_a_list": ("باید یک فهرست باشد.", "This must be a list."),
    "not_an_integer": ("باید یک عدد صحیح باشد.", "This must be an integer."),
    "not_a_boolean": ("باید true یا false باشد.", "This must be true or false."),
    "not_a_string": ("باید متن باشد.", "This must be text."),
    "out_of_range": (
        "باید از {minimum} تا {maximum} باشد.",
        "This must be from {minimum} to {maximum}.",
    ),
    "invalid_text": (
        "متن نویسهٔ نامجاز دارد.",
        "The text contains a character that is not allowed.",
    ),
    "blank": ("این مقدار نمی‌تواند خالی باشد.", "This value cannot be blank."),
    "too_short": ("دست‌کم {minimum} نویسه لازم است.", "At least {minimum} characters are needed."),
    "too_long": (
        "بیشتر از {maximum} نویسه مجاز نیست.",
        "At most {maximum} characters are allowed.",
    ),
    "too_few": ("دست‌کم {minimum} مورد لازم است.", "At least {minimum} items are needed."),
    "too_many": ("بیشتر از {maximum} مورد مجاز نیست.", "At most {maximum} items are allowed."),
    "invalid_date": (
        "تاریخ درستی در سال‌های ۱۳۰۰ تا ۱۵۰۰ نیست.",
        "This is not a date in the Jalali years 1300 to 1500.",
    ),
    "dates_disagree": (
        "تاریخ شمسی و میلادی یک روز نیستند.",
        "The Jalali and the Gregorian date are different days.",
    ),
    "range_reversed": (
        "پایان باید با آغاز یکی یا پس از آن باشد.",
        "The end must not be before the start.",
    ),
    "invalid_cursor": (
        "این نشانگر صفحه برای این فهرست نیست.",
        "This cursor does not belong to this list.",
    ),
    "invalid_idempotency_key": (
        "این کلید باید ۱ تا ۲۵۵ نویسهٔ ASCII دیدنی باشد.",
        "The key must be 1 to 255 visible ASCII characters.",
    ),
    "invalid_uuid": ("باید یک UUID باشد.", "This must be a UUID."),
    "invalid_colour": ("رنگ باید به شکل ‎#RRGGBB باشد.", "A colour is written #RRGGBB."),
    "invalid_choice": ("باید یکی از این‌ها باشد: {choices}.", "This must be one of: {choices}."),
    "invalid_phone": ("شمارهٔ موبایل درست نیست.", "This is not a valid mobile number."),
    "invalid_code": ("کد شش رقم است.", "A code has six digits."),
    # Signing in
    "otp_invalid": (
        "کد نادرست است، یا زمان آن گذشته یا پیش‌تر به کار رفته است.",
        "The code is wrong, expired or already used.",
    ),
    "otp_cooldown": (
        "کد تازه فرستاده شده است؛ {retry_after} ثانیهٔ دیگر دوباره بخواهید.",
        "A code was just sent; ask again in {retry_after} seconds.",
    ),
    "otp_quota": (
        "کدهای زیادی خواسته شده است؛ {retry_after} ثانیهٔ دیگر دوباره بخواهید.",
        "Too many codes were asked for; ask again in {retry_after} seconds.",
    ),
    "auth_unavailable": (
        "ورود اکنون ممکن نیست؛ اندکی بعد دوباره تلاش کنید.",
        "Signing in is unavailable for the moment; try again soon.",
    ),
    "token_missing": ("توکن ورود لازم است.", "A bearer token is required."),
    "token_invalid": ("توکن ورود نادرست است.", "The bearer token is invalid."),
    "token_expired": ("زمان توکن ورود گذشته است.", "The bearer token has expired."),
    "session_ended": ("این نشست پایان یافته است.", "This session is over."),
    "refresh_reused": (
        "این توکن پیش‌تر به کار رفته بود؛ نشست پایان یافت.",
        "This refresh token was used before; its session is over.",
    ),
    "account_suspended": ("این حساب معلق است.", "This account is suspended."),
    "session_not_found": ("چنین نشستی ندارید.", "You have no such session."),
    # Commands
    "idempotency_key_reused": (
        "این کلید پیش‌تر با درخواست دیگری آمده است.",
        "This key came with another request before.",
    ),
    "version_mismatch": (
        "نسخه‌ای که فرستادید دیگر تازه نیست؛ دوباره بخوانید.",
        "The version you sent is no longer current; read it again.",
    ),
    # The rules of a ledger
    "category_not_found": ("چنین دسته‌ای وجود ندارد.", "There is no such category."),
    "category_inactive": (
        "این دسته غیرفعال است و ثبت تازه نمی‌پذیرد.",
        "This category is inactive and takes no new entries.",
    ),
    "category_name_taken": (
        "دستهٔ دیگری با این نام وجود دارد.",
        "Another category has this name.",
    ),
    "category_in_use": (
        "این دسته تراکنش، بودجه یا قاعدهٔ پس‌انداز دارد و حذف نمی‌شود.",
        "This category has transactions, budgets or the saving policy, and cannot be removed.",
    ),
    "transaction_not_found": ("چنین تراکنشی وجود ندارد.", "There is no such transaction."),
    "transaction_voided": (
        "این تراکنش باطل شده است؛ نخست آن را بازگردانید.",
        "This transaction is voided; restore it first.",
    ),
    "amount_missing": (
        "مبلغ لازم است؛ این دسته مبلغ پیش‌فرض ندارد.",
        "An amount is required; this category has no default.",
    ),
    "direction_not_allowed": (
        "واریز و برداشت تنها برای پس‌انداز است.",
        "Only savings are deposited and withdrawn.",
    ),
    "kind_mismatch": (
        "دستهٔ تازه باید از همان نوع باشد.",
        "The new category must be of the same kind.",
    ),
    "savings_too_low": (
        "بیش از پس‌انداز این دسته نمی‌توان برداشت.",
        "More would be withdrawn than this category holds.",
    ),
    "budget_not_found": ("چنین بودجه‌ای وجود ندارد.", "There is no such budget."),
    "budget_exists": (
        "این دسته برای همین دوره بودجه دارد.",
        "This category already has a budget for this period.",
    ),
    "budget_amount_missing": (
        "دست‌کم یکی از کمینه و بیشینه لازم است.",
        "A minimum, a maximum or both are required.",
    ),
    "budget_amounts_reversed": (
        "کمینه باید کمتر از بیشینه باشد.",
        "The minimum must be less than the maximum.",
    ),
    "budget_period_reversed": (
        "آغاز دوره باید پیش از پایان آن باشد.",
        "The period must start before it ends.",
    ),
    "id_taken": (
        "این شناسه پیش‌تر برای چیز دیگری به کار رفته است.",
        "This id was already used for something else.",
    ),
    "total_too_large": (
        "یک جمع از بیشترین اندازهٔ ممکن بزرگ‌تر می‌شود.",
        "A running total would become too large.",
    ),
    # Commands and pages
    "not_confirmed": (
        "برای پس‌انداز، confirm باید true باشد.",
        "To save, confirm must be true.",
    ),
    "invalid_month": ("ماه به شکل 1405-08 نوشته می‌شود.", "A month is written 1405-08."),
    # What balances and reports say
    "balance_positive": ("مانده {amount} ریال است.", "{amount} Rials are left."),
    "balance_zero": ("مانده صفر است.", "Nothing is left."),
    "balance_negative": (
        "{amount} ریال بیش از درآمد خرج یا پس‌انداز شده است.",
        "{amount} Rials more were spent or saved than came in.",
    ),
    "nothing_to_save": ("چیزی برای پس‌انداز نمانده است.", "There is nothing left to save."),
    "report_empty": ("در این دوره چیزی ثبت نشده است.", "Nothing was recorded in this period."),
    "report_surplus": (
        "درآمد این دوره {amount} ریال بیش از هزینه بود.",
        "Income was {amount} Rials above expenses.",
    ),
    "report_deficit": (
        "هزینهٔ این دوره {amount} ریال بیش از درآمد بود.",
        "Expenses were {amount} Rials above income.",
    ),
    "report_even": (
        "درآمد و هزینهٔ این دوره برابر بود.",
        "Income and expenses were equal.",
    ),
}

_PERSIAN_DIGITS: Final = str.maketrans("0123456789,", "۰۱۲۳۴۵۶۷۸۹٬")


def preferred_language() -> Language:
    """Persian, unless this request prefers English."""
    return _preferred(request.accept_languages)


def message(code: str, language: Language, details: Mapping[str, object]) -> str:
    """The sentence for a code, its placeholders filled."""
    persian, english = MESSAGES[code]
    if language == "en":
        return english.format_map({key: _in_english(value) for key, value in details.items()})
    return persian.format_map({key: _in_persian(value) for key, value in details.items()})


def status_title(status: int, language: Language) -> str:
    """The short name of a kind of problem."""
    persian, english = STATUS_TITLES[status]
    return english if language == "en" else persian


@lru_cache(maxsize=256)
def _preferred(accepted: LanguageAccept) -> Language:
    return "en" if _quality("en", accepted) > _quality("fa", accepted) else "fa"


def _quality(language: Language, accepted: LanguageAccept) -> float:
    # Werkzeug's best_match prefers an exact tag to the quality that the client gave.
    return max((q for tag, q in accepted if tag.lower().split("-")[0] == language), default=0)


def _in_english(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _in_persian(value: object) -> str:
    return f"{value:,}".translate(_PERSIAN_DIGITS) if isinstance(value, int) else str(value)
