"""The words of messages in each language.

What the scanning room writes of the monitor's own state is English and stays so, below a heading.
Events are told by their names in the database, so that a later one has a heading before it has
words of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from monitor.model import AlertEvent, Language, Relation, Verdict


@dataclass(frozen=True, slots=True)
class Told:
    """An event of matches: its name, its heading over several, and titles for one and for many.

    `one` takes {asset}, {site} and {score}; `many` takes {n}.
    """

    name: str
    section: str
    one: str
    many: str


@dataclass(frozen=True, slots=True)
class Words:
    """One language. Templates know this as `words`.

    `changes` are filled with the `detail` of the event's alerts, whose names the scanning room
    gives.
    """

    language: str
    asset: str
    watch: str
    marketplace: str
    title: str
    price: str
    seller: str
    score: str
    why: str
    link: str
    first_seen: str
    verdict: str
    match: str
    alert: str
    change: str
    earlier: str
    aside: str
    pictures: str
    your_picture: str
    their_picture: str
    drawing: str
    not_given: str
    mirrored: str
    open_listing: str
    not_attached: str
    gone: str
    too_large: str
    link_too_long: str
    refused_title: tuple[str, str]
    refused_text: str
    people_decide: str
    template_broken: str
    colon: str
    comma: str
    several: str
    mixed: str
    some_matches: tuple[str, str]
    some_notices: tuple[str, str]
    baseline: str
    baseline_done: tuple[str, str]
    notice: str
    notices: str
    operator_section: str
    held_section: str
    changes: Mapping[str, str]
    relations: Mapping[Relation, str]
    verdicts: Mapping[Verdict, str]
    told: Mapping[str, Told]
    notice_names: Mapping[str, str]

    def count(self, number: int, words: tuple[str, str], **more: str) -> str:
        """`words` for one, or for many, with the number in it."""
        return words[0 if number == 1 else 1].format(n=number, **more)

    def event_name(self, event: str) -> str:
        """How an event is called, below which its text stands."""
        if event in self.told:
            return self.told[event].name
        return self.notice_names.get(event, event.replace("_", " "))


_ENGLISH: Final = Words(
    language="en",
    asset="Asset",
    watch="Watch",
    marketplace="Marketplace",
    title="Title",
    price="Price",
    seller="Seller",
    score="Score",
    why="Why",
    link="Link",
    first_seen="First seen",
    verdict="Verdict",
    match="Match",
    alert="Alert",
    change="What happened",
    earlier="Earlier listing",
    aside="{text} ({more})",
    pictures="Pictures",
    your_picture="Your picture",
    their_picture="The listing's picture",
    drawing="Your picture left, the listing's right",
    not_given="not given",
    mirrored="mirrored",
    open_listing="Open the listing",
    not_attached="Not attached",
    gone="no longer stored",
    too_large="too large for a message",
    link_too_long="the link is too long for this channel: monitor matches show {match}",
    refused_title=("1 alert without its text", "{n} alerts without their text"),
    refused_text="this channel refused its text: {command}",
    people_decide=(
        "A score says how much alike two pictures are; whether a listing infringes, people decide."
    ),
    template_broken="Your template {name} was not used: {problem}. The built-in one stood in.",
    colon=": ",
    comma=", ",
    several="{n} matches need a look",
    mixed="{matches}, {notices}",
    some_matches=("1 match", "{n} matches"),
    some_notices=("1 notice", "{n} notices"),
    baseline="First scan of watch {watch}",
    baseline_done=(
        "The first scan of watch {watch} is done. 1 listing was already there; "
        "from now on each new one is told as it appears.",
        "The first scan of watch {watch} is done. {n} listings were already there; "
        "from now on each new one is told as it appears.",
    ),
    notice="Infringement Monitor: {name}",
    notices="Infringement Monitor: {n} things need your attention",
    operator_section="About the monitor itself",
    held_section="Held matches",
    changes={
        "price_change": "{old_price} → {new_price} ({change_percent} %)",
        "relisted": "earlier item {relisted_from}, last seen {last_seen_at}",
        "reappeared": "gone since {gone_since}",
        "gone": "last seen {last_seen_at}",
        "reminder": "first told {first_told_at}",
    },
    relations={
        Relation.SAME: "same",
        Relation.PARTIAL: "partial",
        Relation.VARIANT: "variant",
        Relation.NONE: "none",
    },
    verdicts={
        Verdict.UNREVIEWED: "unreviewed",
        Verdict.INFRINGING: "infringing",
        Verdict.AUTHORISED: "authorised",
        Verdict.NOT_OURS: "not ours",
        Verdict.IGNORED: "ignored",
        Verdict.UNSURE: "unsure",
    },
    told={
        "new_match": Told(
            "new match",
            "New matches",
            "{asset} found on {site} (score {score})",
            "{n} listings use your pictures",
        ),
        "relisted": Told(
            "listed again",
            "Listed again by the same seller",
            "{asset} on {site}: listed again by the same seller (score {score})",
            "{n} matched listings are listed again",
        ),
        "score_crossed": Told(
            "score has risen",
            "Score has risen to where it is told",
            "{asset} on {site}: score has risen to {score}",
            "{n} matches whose score has risen",
        ),
        "price_change": Told(
            "price changed",
            "Prices that changed",
            "{asset} on {site}: the price has changed",
            "{n} matched listings have changed their price",
        ),
        "reappeared": Told(
            "back again",
            "Back again",
            "{asset} on {site}: back again",
            "{n} matched listings are back again",
        ),
        "reminder": Told(
            "still unreviewed",
            "Still unreviewed",
            "{asset} on {site}: still unreviewed (score {score})",
            "{n} matches are still unreviewed",
        ),
        "gone": Told(
            "no longer found",
            "No longer found",
            "{asset} on {site}: the listing is no longer found",
            "{n} matched listings are no longer found",
        ),
    },
    notice_names={
        "matches_held": "matches held",
        "scan_blocked": "scan blocked",
        "scan_quota": "scan quota",
        "quota_low": "quota low",
        "scan_failed": "scan failed",
        "scan_overdue": "scan overdue",
        "marketplace_paused": "marketplace paused",
        "marketplace_resumed": "marketplace resumed",
        "yield_dropped": "yield dropped",
        "parse_error": "parse error",
        "canary_lost": "canary lost",
        "canary_found": "canary found",
        "picture_unreadable": "picture unreadable",
        "reference_featureless": "reference featureless",
        "reference_unspecific": "reference unspecific",
        "channel_broken": "channel broken",
        "disk_low": "disk low",
        "schema_outdated": "schema outdated",
    },
)

_CHINESE: Final = Words(
    language="zh",
    asset="作品",
    watch="监测任务",
    marketplace="平台",
    title="标题",
    price="价格",
    seller="卖家",
    score="相似度",
    why="依据",
    link="链接",
    first_seen="首次发现",
    verdict="人工结论",
    match="匹配编号",
    alert="提醒编号",
    change="事件",
    earlier="原商品",
    aside="{text}（{more}）",
    pictures="图片",
    your_picture="您的图片",
    their_picture="商品图片",
    drawing="左：您的图片；右：商品图片",
    not_given="未提供",
    mirrored="左右翻转",
    open_listing="查看商品",
    not_attached="未附图片",
    gone="已不在存储中",
    too_large="超出单条消息的大小",
    link_too_long="链接过长，无法在此渠道显示：monitor matches show {match}",
    refused_title=("1 条无正文的提醒", "{n} 条无正文的提醒"),
    refused_text="此渠道拒收其正文：{command}",
    people_decide="相似度仅表示两张图片有多像；是否构成侵权由人判断。",
    template_broken="您的模板 {name} 未被使用：{problem}。已改用内置模板。",
    colon="：",
    comma="，",
    several="{n} 条匹配需要查看",
    mixed="{matches}，{notices}",
    some_matches=("1 条匹配", "{n} 条匹配"),
    some_notices=("1 条通知", "{n} 条通知"),
    baseline="监测任务 {watch} 首次扫描",
    baseline_done=(
        "监测任务 {watch} 的首次扫描已完成。已有 1 个商品在售；今后每出现一个新商品都会通知您。",
        "监测任务 {watch} 的首次扫描已完成。已有 {n} 个商品在售；今后每出现一个新商品都会通知您。",
    ),
    notice="侵权监测：{name}",
    notices="侵权监测：{n} 件事需要您处理",
    operator_section="系统通知",
    held_section="暂缓发送的匹配",
    changes={
        "price_change": "{old_price} → {new_price}（{change_percent} %）",
        "relisted": "原商品编号 {relisted_from}，最后一次见到：{last_seen_at}",
        "reappeared": "自 {gone_since} 起搜不到，现又出现",
        "gone": "最后一次见到：{last_seen_at}",
        "reminder": "首次通知：{first_told_at}",
    },
    relations={
        Relation.SAME: "同一图片",
        Relation.PARTIAL: "部分相同",
        Relation.VARIANT: "变体",
        Relation.NONE: "未识别为复制",
    },
    verdicts={
        Verdict.UNREVIEWED: "未审核",
        Verdict.INFRINGING: "侵权",
        Verdict.AUTHORISED: "已授权",
        Verdict.NOT_OURS: "与我方无关",
        Verdict.IGNORED: "已忽略",
        Verdict.UNSURE: "待定",
    },
    told={
        "new_match": Told(
            "新匹配",
            "新匹配",
            "{site} 上发现 {asset}（相似度 {score}）",
            "{n} 个商品使用了您的图片",
        ),
        "relisted": Told(
            "重新上架",
            "同一卖家重新上架",
            "{site} 上的 {asset}：同一卖家重新上架（相似度 {score}）",
            "{n} 个匹配商品已重新上架",
        ),
        "score_crossed": Told(
            "相似度升高",
            "相似度升至提醒线以上",
            "{site} 上的 {asset}：相似度升至 {score}",
            "{n} 条匹配的相似度升高",
        ),
        "price_change": Told(
            "价格变动",
            "价格变动",
            "{site} 上的 {asset}：价格已变动",
            "{n} 个匹配商品价格变动",
        ),
        "reappeared": Told(
            "再次出现",
            "再次出现",
            "{site} 上的 {asset}：商品再次出现",
            "{n} 个匹配商品再次出现",
        ),
        "reminder": Told(
            "仍未审核",
            "仍未审核",
            "{site} 上的 {asset}：仍未审核（相似度 {score}）",
            "{n} 条匹配仍未审核",
        ),
        "gone": Told(
            "搜不到了",
            "搜不到了",
            "{site} 上的 {asset}：商品已搜不到",
            "{n} 个匹配商品已搜不到",
        ),
    },
    notice_names={
        "matches_held": "匹配暂缓发送",
        "scan_blocked": "扫描被平台拦截",
        "scan_quota": "扫描配额用尽",
        "quota_low": "配额不足",
        "scan_failed": "扫描失败",
        "scan_overdue": "扫描逾期",
        "marketplace_paused": "平台已暂停",
        "marketplace_resumed": "平台已恢复",
        "yield_dropped": "搜索结果骤减",
        "parse_error": "无法解析平台返回的数据",
        "canary_lost": "探测图片搜不到了",
        "canary_found": "探测图片又能搜到了",
        "picture_unreadable": "图片无法读取",
        "reference_featureless": "参考图片特征太少",
        "reference_unspecific": "参考图片缺乏独特性",
        "channel_broken": "通知渠道故障",
        "disk_low": "磁盘空间不足",
        "schema_outdated": "数据库结构过旧",
    },
)

_ALL: Final[Mapping[Language, Words]] = {
    Language.ENGLISH: _ENGLISH,
    Language.CHINESE: _CHINESE,
}

# Told in this order: what calls for a decision first, what is only to be known last.
EVENT_ORDER: Final = tuple(_ENGLISH.told)


def words_of(language: Language) -> Words:
    return _ALL[language]


def has_words(event: AlertEvent, words: Words) -> bool:
    """Whether an event is called by words of its own, not by its name in the database."""
    return event.value in words.told or event.value in words.notice_names
