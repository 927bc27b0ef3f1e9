"""The grading protocol of the application, for trainers that run elsewhere. Standard library only.

Reads a policy's answer and a grader's, and gives the reward: the same verdicts and the same numbers as the application.
What cannot be graded has no reward (None); it is never a zero.
"""

import re
import unicodedata

# What the application takes for white space. Python's own idea also has U+001C to U+001F.
WHITE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
GUIDELINES = 7
_S = "[" + WHITE + "]*"


def _any_case(name):
    """A name in any case of its ASCII letters and of no others."""
    return "".join("[" + letter + letter.upper() + "]" if letter.isalpha() else letter for letter in name)


_ITEM, _NUM, _THINK, _SOLUTION = (_any_case(name) for name in ("item", "num", "think", "solution"))
_CRITERIA, _REASONING, _ERRORS = (_any_case(name) for name in ("criteria", "reasoning", "errors"))
_BLOCK = re.compile(
    "<" + _ITEM + "[" + WHITE + "]+" + _NUM + _S + "=" + _S + "(?P<quote>[\"']?)"
    "(?P<num>[^" + WHITE + "\"'<>]*)(?P=quote)" + _S + ">(?P<body>.*?)</" + _ITEM + ">",
    re.DOTALL,
)
_PARTS = re.compile(
    _S + "<" + _CRITERIA + ">(?P<criteria>.*?)</" + _CRITERIA + ">" + _S
    + "<" + _REASONING + ">(?P<reasoning>.*?)</" + _REASONING + ">" + _S
    + "<" + _ERRORS + ">(?P<errors>[^<>]*)</" + _ERRORS + ">" + _S + "\\Z",
    re.DOTALL,
)
_TAG = re.compile("</?" + _S + "(?:" + "|".join((_ITEM, _CRITERIA, _REASONING, _ERRORS)) + ")")
_THINK_END = re.compile("</" + _THINK + ">")
_THINK_START = re.compile("<" + _THINK + ">")
_OPEN = re.compile("<" + _SOLUTION + ">")
_CLOSE = re.compile("</" + _SOLUTION + ">")
_QUOTED = re.compile(
    "<(?=(?P<name>" + _S + "/?" + _S + "(?:" + "|".join(
        [_any_case(name) for name in ("goal", "rubric", "reference")] + [_any_case("plan") + "(?:_[12])?"]
        + [_ITEM, _CRITERIA, _REASONING, _ERRORS, _THINK.replace("[kK]", "[kK\u212a]"), _SOLUTION]
        + [_any_case(name) for name in ("comparison", "preference")]
    ) + ")))"
)
_LINE_END = re.compile("\r\n|[\r\n\x0c\x85\u2028\u2029]")


class Unreadable(Exception):
    """A grading that is not in the form that was asked for. Nothing of it is guessed."""


def _is_word(text, position):
    """Whether a tag's name goes on at a position."""
    if position >= len(text) or text[position] > "\uffff":
        return False
    kind = unicodedata.category(text[position])
    return kind[0] == "L" or kind in ("Mn", "Nd", "Pc") or text[position] in "\u200c\u200d"


def without_thoughts(answer):
    """What follows the thoughts: all of it when there are none, nothing when they never end."""
    end = _THINK_END.search(answer)
    if end:
        return answer[end.end():]
    return "" if _THINK_START.match(answer.lstrip(WHITE)) else answer


def read_plan(answer, most_words):
    """The plan in a policy's answer, with what the penalties look at."""
    rest = without_thoughts(answer)
    opened = None
    for opened in _OPEN.finditer(rest):
        pass
    close = _CLOSE.search(rest, opened.end()) if opened else None
    text = rest[opened.end():close.start() if close else len(rest)] if opened else rest
    text = text.strip(WHITE)
    words = sum(1 for word in re.split("[" + WHITE + "]+", text) if word)
    return {"text": text, "words": words, "finished": close is not None and words > 0, "overlong": words > most_words}


def _require_no_tag(text, place):
    for tag in _TAG.finditer(text):
        if not _is_word(text, tag.end()):
            raise Unreadable("there is a stray " + tag.group() + " tag " + place)


def _require_nothing(text, place):
    _require_no_tag(text, place)
    if text.strip(WHITE):
        raise Unreadable("there is text " + place)


def _whole(text):
    digits = text.rstrip("\0")
    return int(digits.lstrip("0")[:10] or "0") if digits.isascii() and digits.isdigit() else 0


def _errors(text, number):
    if text.isascii() and text.lower() == "none":
        return []
    violated = []
    for part in text.split(","):
        guideline = _whole(part.strip(WHITE))
        if not 1 <= guideline <= GUIDELINES:
            raise Unreadable("the errors of item %d are neither none nor guidelines 1 to %d" % (number, GUIDELINES))
        if guideline in violated:
            raise Unreadable("item %d names guideline %d twice" % (number, guideline))
        violated.append(guideline)
    return sorted(violated)


def _item(body, number):
    parts = _PARTS.match(body)
    if not parts:
        raise Unreadable("item %d is not made of criteria, reasoning and errors" % number)
    criteria, reasoning = parts["criteria"].strip(WHITE), parts["reasoning"].strip(WHITE)
    _require_no_tag(criteria, "in the criteria of item %d" % number)
    _require_no_tag(reasoning, "in the reasoning of item %d" % number)
    if not reasoning:
        raise Unreadable("item %d has no reasoning" % number)
    violated = _errors(parts["errors"].strip(WHITE), number)
    return {"met": not violated, "violated": violated, "reasoning": reasoning}


def read_grading(answer, items):
    """One verdict per item of the rubric, in its order. Raises Unreadable for anything else."""
    text = without_thoughts(answer)
    blocks = list(_BLOCK.finditer(text))
    if not blocks:
        raise Unreadable("there is no item in the answer")
    weaknesses = text[:blocks[0].start()].strip(WHITE)
    if not weaknesses:
        raise Unreadable("the weaknesses of the plan as a whole are missing")
    _require_no_tag(weaknesses, "before the first item")
    verdicts = [None] * items
    end = blocks[0].start()
    for block in blocks:
        _require_nothing(text[end:block.start()], "before an item")
        end = block.end()
        number = _whole(block["num"])
        if not 1 <= number <= items:
            raise Unreadable("item %s is not in the rubric, which has %d" % (block["num"], items))
        if verdicts[number - 1] is not None:
            raise Unreadable("item %d is judged twice" % number)
        verdicts[number - 1] = _item(block["body"], number)
    _require_nothing(text[end:], "after the last item")
    if None in verdicts:
        raise Unreadable("item %d of %d is missing" % (verdicts.index(None) + 1, items))
    return verdicts


def _quote(text):
    """Material cannot open or close a tag of the protocol."""
    text = text.strip(WHITE)
    return _QUOTED.sub(lambda tag: "<" if _is_word(text, tag.end("name")) else "\u2039", text)


def grader_prompt(template, goal, items, reference, plan):
    """System and user part of what the grader is asked; the template is the application's own file."""
    system, user = (part.strip(WHITE) for part in template.replace("\r\n", "\n").split("\n=====\n"))
    values = {
        "goal": _quote(goal),
        "rubric": "\n".join("%d. %s" % (number, _LINE_END.sub(" ", _quote(item))) for number, item in enumerate(items, 1)),
        "reference": "One possible approach:\n" + _quote(reference) if reference and reference.strip(WHITE) else "None is known.",
        "plan": _quote(plan),
        "count": str(len(items)),
    }

    def fill(part):
        # In one pass: what is filled in is not searched for placeholders again.
        return re.sub(r"\{(\w+)\}", lambda place: values[place.group(1)], part)

    return fill(system), fill(user)


def share(verdicts, weights):
    """Share of the graded items that are met, by their weights; None when no item was graded."""
    graded = [(verdict, weight) for verdict, weight in zip(verdicts, weights) if verdict is not None]
    if not graded:
        return None
    total = met = 0.0
    for verdict, weight in graded:
        total += weight
        met += weight * (1 if verdict["met"] else 0)
    return met / total


def reward(verdicts, weights, plan, settings):
    """The reward of a plan, or None when no item was graded: such a plan is masked, never scored zero.

    w * specific + (1 - w) * general - penalties, in the same order of operations as the application.
    """
    graded = [(verdict, weight) for verdict, weight in zip(verdicts, weights) if verdict is not None]
    if not graded:
        return None
    total = specific = general = 0.0
    for verdict, weight in graded:
        violations = len(verdict["violated"])
        if settings["scoring"] == "levels":
            worth = settings["levelValues"][3 - min(3, violations)]
        else:
            worth = 1 if verdict["met"] else 0
        total += weight
        specific += weight * worth
        general += weight * (GUIDELINES - violations) / GUIDELINES
    specific, general = specific / total, general / total
    score = (settings["specificWeight"] * specific) + ((1 - settings["specificWeight"]) * general)
    penalty = 0.0 if plan["finished"] else settings["unfinishedPenalty"]
    penalty += settings["overlongPenalty"] if plan["overlong"] else 0.0
    return score - penalty
