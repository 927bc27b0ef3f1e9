"""Asks graders over the OpenAI protocol and writes down what they say. Standard library only."""

import json
import os
import random
import socket
import threading
import time
import urllib.error
import urllib.request

import coscientist_grading as grading

HERE = os.path.dirname(os.path.abspath(__file__))
RETRIED = {408, 409, 425, 429, 500, 502, 503, 504, 529}
TRIES = 6
LONGEST_WAIT = 60.0


class Ungraded(Exception):
    """A plan without a grading: it has no reward and must not be given one."""


class GraderFault(Exception):
    """A grader that did not answer."""


class Grader:
    """One model behind an OpenAI-compatible server."""

    def __init__(self, settings, wait=time.sleep):
        self.settings = settings
        self.wait = wait
        self.tokens_field = "max_tokens"

    def complete(self, system, user, temperature, tokens, seed):
        """The answer and whether it was cut off. Retries what may pass, waiting longer each time."""
        for attempt in range(TRIES):
            try:
                return self._call(system, user, temperature, tokens, seed)
            except urllib.error.HTTPError as fault:
                text = fault.read(2000).decode("utf-8", "replace")
                if fault.code == 400 and "max_completion_tokens" in text and self.tokens_field == "max_tokens":
                    self.tokens_field = "max_completion_tokens"
                    continue
                reason, asked = "HTTP %d: %s" % (fault.code, text[:300]), fault.headers.get("Retry-After")
                if fault.code not in RETRIED:
                    raise GraderFault(reason) from fault
            except (OSError, ValueError, KeyError, IndexError, TypeError) as fault:
                reason, asked = "%s: %s" % (type(fault).__name__, fault), None
            if attempt + 1 < TRIES:
                self.wait(_delay(attempt, asked))
        raise GraderFault("%s (%d times)" % (reason, TRIES))

    def _call(self, system, user, temperature, tokens, seed):
        body = {
            "model": self.settings["model"],
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
            "temperature": temperature,
            "seed": seed,
            self.tokens_field: tokens,
        }
        headers = {"Content-Type": "application/json"}
        variable = self.settings.get("keyVariable")
        if variable:
            headers["Authorization"] = "Bearer " + os.environ.get(variable, "")
        url = self.settings["endpoint"].rstrip("/") + "/chat/completions"
        request = urllib.request.Request(url, json.dumps(body).encode("utf-8"), headers)
        with urllib.request.urlopen(request, timeout=self.settings.get("timeoutSeconds", 300)) as response:
            choice = json.load(response)["choices"][0]
        return choice["message"].get("content") or "", choice.get("finish_reason") == "length"

    def verdicts(self, template, goal, items, reference, plan, settings, seed):
        """One verdict per item, None where none could be read, and why. Asked greedily, then with a little temperature."""
        parts = [[item] for item in items] if settings["items"] == "separately" else [items]
        found, failure = [], None
        for number, part in enumerate(parts):
            read, reason = self._ask(template, goal, part, reference, plan, settings, seed + number)
            found += read
            failure = failure or reason
        return found, failure

    def _ask(self, template, goal, items, reference, plan, settings, seed):
        system, user = grading.grader_prompt(template, goal, items, reference if settings["reference"] else None, plan)
        reason = None
        for attempt in range(2):
            try:
                text, cut = self.complete(system, user, 0 if attempt == 0 else 0.3, settings["maxNewTokens"], seed + attempt)
                if cut:
                    raise grading.Unreadable("the answer was cut off")
                return grading.read_grading(text, len(items)), None
            except (GraderFault, grading.Unreadable) as fault:
                reason = str(fault)
        return [None] * len(items), reason


def _delay(attempt, asked):
    try:
        return min(LONGEST_WAIT, float(asked))
    except (TypeError, ValueError):
        return min(LONGEST_WAIT, 2.0 ** attempt) * random.uniform(0.5, 1)


class Rewards:
    """The reward of plans by the settings that the application exported."""

    def __init__(self, folder=HERE):
        with open(os.path.join(folder, "reward.json"), encoding="utf-8") as file:
            self.settings = json.load(file)
        with open(os.path.join(folder, "grader-prompt.txt"), encoding="utf-8") as file:
            self.template = file.read()
        self.log = _Log(os.environ.get("COSCIENTIST_GRADINGS") or os.path.join(folder, "gradings"))

    def of(self, answer, info, router=None):
        """The reward of an answer to a goal: of a training goal by the grader, with penalties; of a validation goal the
        judge's score. Raises Ungraded when there is none; what was graded is written down either way."""
        plan = grading.read_plan(answer, self.settings["maxWords"])
        items = [item["text"] for item in info["rubric"]]
        weights = [item["weight"] for item in info["rubric"]]
        verdicts, failure = self._grade("grader", plan, items, info, router)
        note = {
            "split": info["split"], "goalId": info["goal_id"], "plan": plan["text"], "finished": plan["finished"],
            "overlong": plan["overlong"], "selfGrade": grading.share(verdicts, weights), "failure": failure,
            "items": [None if verdict is None else verdict["met"] for verdict in verdicts],
        }
        if info["split"] == "train":
            value = grading.reward(verdicts, weights, plan, self.settings["reward"])
        else:
            judged, failure = self._grade("judge", plan, items, info, None)
            value = grading.share(judged, weights)
            note["judge"] = value
            note["judgeItems"] = [None if verdict is None else verdict["met"] for verdict in judged]
        note["reward"] = value
        self.log.write(note)
        if value is None:
            raise Ungraded(failure or "no item was graded")
        return value

    def _grade(self, role, plan, items, info, router):
        settings = dict(self.settings[role])
        if not settings.get("endpoint"):
            if not router:
                raise Ungraded("the grader is served by verl, which gave no address")
            settings["endpoint"] = "http://" + router + "/v1"
        return Grader(settings).verdicts(
            self.template, info["goal"], items, info.get("reference_solution"), plan["text"], self.settings["grading"], self.settings["seed"]
        )


class _Log:
    """One line a plan, in a file of this process."""

    def __init__(self, folder):
        self.folder = folder
        self.lock = threading.Lock()

    def write(self, note):
        line = json.dumps(note, ensure_ascii=False) + "\n"
        with self.lock:
            os.makedirs(self.folder, exist_ok=True)
            name = "%s-%d.jsonl" % (socket.gethostname(), os.getpid())
            with open(os.path.join(self.folder, name), "a", encoding="utf-8") as file:
                file.write(line)


def check(folder=HERE):
    """Asks each configured server one short question, so that a wrong address or key ends a run before it begins."""
    with open(os.path.join(folder, "reward.json"), encoding="utf-8") as file:
        settings = json.load(file)
    for role in ("grader", "judge"):
        if settings[role].get("endpoint"):
            try:
                Grader(settings[role]).complete("You are asked whether you can be reached.", "Answer with the one word: ready", 0, 256, 1)
            except GraderFault as fault:
                raise SystemExit("The %s at %s does not answer (%s). Mend the server or its key, then start again." % (role, settings[role]["endpoint"], fault)) from fault


if __name__ == "__main__":
    check()
