#!/usr/bin/python
# -*- coding: utf-8 -*-
"""The hotpatch command as an Ansible module: one task asks one server.

It looks before it writes, in check mode and without it alike: `changed` comes from what the server answers, never from the
fact that something was sent. Runs under the Python that Ansible finds on the host (2.7 or 3.5 and later).
"""
from __future__ import absolute_import, division, print_function
__metaclass__ = type

DOCUMENTATION = r"""
module: hotpatch
short_description: Repair running Lua servers without losing their state
description:
  - Runs the C(hotpatch) command, against one server.
  - C(push) looks first, with C(hotpatch diff --exit-code). Without a difference nothing is sent and nothing has changed,
    so a play can be run again. In check mode it goes no further, so it tells of refusals, but not whether the push
    would be denied for want of rights or signatures.
  - A refusal, and all else that is not done, fails the task with the sentence that C(hotpatch) gives. Nothing has changed in
    the server then, except perhaps where I(status) is C(rolled_back) or C(uncertain); I(changed) is true there.
options:
  command:
    description:
      - C(push) replaces modules.
      - C(confirm) keeps a patch that was pushed with I(confirm_within). With I(patch), fails where that patch is no longer
        there; without it, does nothing where no patch is provisional.
      - C(revert) undoes I(patch) and those after it, or the last patch. Does nothing where it is undone already. Check mode
        cannot tell whether it would be refused.
      - C(verify) fails where what runs is not what the source says.
    choices: [push, confirm, revert, verify]
    default: push
    type: str
  files:
    description: The sources, or one bundle. Each has either C(file) or C(src).
    type: list
    elements: dict
    suboptions:
      file:
        description: Path of the source on the machine where the task runs.
        type: path
      src:
        description:
          - Path of the source on the machine that Ansible runs on, found as C(copy) finds it. It is brought to the host for
            the time of the task. A source needs C(module) then. Of a bundle, the signature that lies beside it as
            C(.minisig) comes along.
        type: str
      module:
        description: The module that it replaces. Without it, the loaded module whose file it is.
        type: str
      base:
        description: Path of the source that runs now, where the task runs. Without it, what the agent knows.
        type: path
      signatures:
        description: Further signatures of a bundle. Paths are on the same machine as that of the bundle.
        type: list
        elements: str
  git:
    description: A revision, the source that runs now; or C(A..B), all Lua files that changed. With C(verify), the revision.
    type: str
  root:
    description: Where the work tree of I(git) is on the server, if that cannot be told.
    type: path
  chdir:
    description: Where the command runs, such as the git work tree.
    type: path
  to:
    description: URL of the agent.
    type: str
  pid:
    description: Process id of the server.
    type: int
  name:
    description: Name that the agent was started under.
    type: str
  state:
    description: Lua state, where a server has several.
    type: str
  tls_ca:
    description: The authority of the agent's certificate. This and the next two may come from the environment too.
    type: path
  tls_cert:
    description: The client's certificate.
    type: path
  tls_key:
    description: The key of that certificate.
    type: path
  patch:
    description: Number of the patch, for C(confirm) and C(revert).
    type: int
  confirm_within:
    description: The agent takes the patch back unless C(confirm) comes within this time, such as C(15m).
    type: str
  guard:
    description:
      - With I(confirm_within), the agent takes the patch back as soon as calls of its functions break this rule, such as
        C(errors<1%).
    type: str
  message:
    description: Why, for the log of the server.
    type: str
  accept:
    description: Codes of refusals that were read and are accepted.
    type: list
    elements: str
    default: []
  functions:
    description: Change these functions only.
    type: list
    elements: str
    default: []
  effects:
    description: Perform calls that only the new body makes.
    type: str
    choices: [none, new]
  merge:
    description: What becomes of plain values that the source changed.
    type: str
    choices: [keep, three-way]
  refs:
    description: Where to look for other holders of a function.
    type: str
    choices: [heap, module]
  expect_version:
    description: Refuse unless the module's C(VERSION) is this.
    type: str
  all:
    description: The source wins on every function field.
    type: bool
    default: false
  prune:
    description: Remove what the old source had and the new one lacks.
    type: bool
    default: false
  strict:
    description: Warnings are refusals.
    type: bool
    default: false
  atomic:
    description: Everything in one stop of the server.
    type: bool
    default: false
  max_pause:
    description: The longest single stop, in milliseconds.
    type: float
  search_limit:
    description: The longest search for other holders, in seconds.
    type: float
  timeout:
    description: How long to wait for a safe point, in seconds.
    type: float
  executable:
    description: The command.
    type: str
    default: hotpatch
"""

EXAMPLES = r"""
- name: On the machine of the server, as its user
  hotpatch:
    name: game
    files:
      - { module: battle, file: /srv/game/src/battle.lua }
      - { module: rooms, src: fix/rooms.lua }

- name: A bundle that was made and signed elsewhere
  hotpatch:
    files:
      - { src: fix.hotpatch, signatures: [fix.hotpatch.anna] }

- name: From here, over TLS, what changed between two releases; it stays only if it is confirmed
  hotpatch:
    to: tls+tcp://game1.example:7071
    git: v1.4..v1.4.1
    confirm_within: 15m
  register: pushed

- name: It stays
  hotpatch:
    command: confirm
    to: tls+tcp://game1.example:7071
    patch: "{{ pushed.patch or omit }}"
"""

RETURN = r"""
status:
  description: Status word of the last answer, such as C(applied), C(planned), C(no_change), C(refused).
  returned: always
  type: str
exit:
  description: Exit status of the command.
  returned: always
  type: int
patch:
  description: Number of the patch that this is about; 0 where there is none.
  returned: always
  type: int
report:
  description: The last answer as C(--format json) has it (docs/protocol.md). Of a failure, what is not empty in it.
  returned: always
  type: dict
skipped_files:
  description: Files of C(git) that cannot be patched live or are not loaded, each with C(file) and C(why).
  returned: always
  type: list
"""

import json
import uuid

from ansible.module_utils.basic import AnsibleModule

UNCERTAIN = 70  # the connection was lost after sending: asking again with the same id runs nothing twice
ASK_AGAIN = 3
LISTED = 10  # so many names in a sentence

TEXT_OPTIONS = ("effects", "merge", "refs", "expect_version")
FLAGS = ("all", "prune", "strict")
CHANGES = ("replaced", "added", "removed")
WRITE_TEXT_OPTIONS = ("message", "max_pause", "search_limit")


def option(name, value):
    """The words of one long option; none where it was not given."""
    return [] if value is None else ["--%s=%s" % (name.replace("_", "-"), value)]


def options(params, names):
    return [word for name in names for word in option(name, params[name])]


class Answer:
    """What one run of the command gave. `report` is {} where it printed none."""

    def __init__(self, status, out, err):
        self.exit = status
        self.err = err
        try:
            self.report = json.loads(out)
        except ValueError:
            self.report = {}
        self.status = self.report.get("status", "failed")

    def sentence(self):
        """Why it was not done, and what to do next."""
        error = self.report.get("error") or {}
        notes = ["%s %s: %s" % (n.get("code"), n.get("path", n.get("module", "")), n.get("text"))
                 for n in self.report.get("refusals", [])]
        place = "%s:%d: " % (error["file"], error["line"]) if error.get("file") and error.get("line") else ""
        text = [place + error["text"]] if error.get("text") else []
        hint = error.get("hint")
        if notes and not hint:
            hint = "hotpatch explain " + self.report["refusals"][0]["code"]
        if not text + notes:
            return self.err.strip() or "the command ended with %d and said nothing" % self.exit
        return "; ".join(text + notes) + (" -> " + hint if hint else "")

    def essence(self):
        """The report without what is empty or about the request alone: Ansible prints all of a failure, on one line."""
        beside = ("protocol", "id", "agent", "cost", "generation", "references", "searched", "stragglers")
        return {key: value for key, value in self.report.items() if value and key not in beside}

    def functions(self, *verdicts):
        """Paths of the functions with one of these verdicts, with their modules."""
        return ["%s.%s" % (m.get("module"), f.get("path")) for m in self.report.get("modules", [])
                for f in m.get("functions", []) if f.get("verdict") in verdicts]

    def diff(self):
        """For --diff: the lines that change, of each module a headline before them."""
        text = ""
        for m in self.report.get("modules", []):
            parts = [f["diff"] for f in m.get("functions", []) if f.get("diff")]
            parts += ["%s: value %s\n" % (f.get("path"), f.get("action")) for f in m.get("fields", [])
                      if f.get("action") != "kept"]
            if parts:
                text += "%s  %s\n%s" % (m.get("module"), m.get("source", ""), "".join(parts))
        return {"prepared": text}


class Server:
    """One server, as the task names it, and the command to ask it with."""

    def __init__(self, module):
        self.module = module
        self.command = module.get_bin_path(module.params["executable"], required=True, opt_dirs=["/usr/local/bin"])
        self.target = options(module.params, ("to", "pid", "name", "state", "tls_ca", "tls_cert", "tls_key", "timeout"))

    def ask(self, command, words, last=()):
        argv = [self.command, command] + self.target + words + ["--format=json"] + list(last)
        status, out, err = self.module.run_command(
            argv, cwd=self.module.params["chdir"], ignore_invalid_cwd=False, expand_user_and_vars=False)
        return Answer(status, out, err)

    def write(self, command, words, last=()):
        """A request that changes something. Not run twice, however often it is asked for."""
        words = words + ["--id=" + uuid.uuid4().hex]
        answer = self.ask(command, words, last)
        for _ in range(ASK_AGAIN):
            if answer.exit != UNCERTAIN:
                break
            answer = self.ask(command, words, last)
        return answer

    def end(self, answer, changed, message, patch=0, diff=None):
        """Ends the task, well; `diff` is shown to whoever asked for --diff."""
        for note in answer.report.get("warnings", []):
            self.module.warn("%s %s: %s" % (note.get("code"), note.get("path", note.get("module", "")), note.get("text")))
        result = {"changed": changed, "msg": message, "status": answer.status, "exit": answer.exit, "report": answer.report,
                  "patch": patch, "skipped_files": answer.report.get("skipped", [])}
        if diff is not None and self.module._diff:
            result["diff"] = diff
        self.module.exit_json(**result)

    def fail(self, answer, message=None, status=None):
        """Ends the task as failed, with `message` and `status` or what the answer says."""
        self.module.fail_json(
            msg=message or "%s: %s" % (answer.status, answer.sentence()), status=status or answer.status, exit=answer.exit,
            report=answer.essence(), patch=0, skipped_files=answer.report.get("skipped", []),
            changed=answer.status in ("rolled_back", "uncertain"))


def argument(path):
    """A path so that the command takes it neither for an option nor for MODULE=FILE."""
    return path if path.startswith(("/", "./", "../")) else "./" + path


def named(module, path):
    return "%s=%s" % (module, path) if module else argument(path)


def sources(params):
    """Options and arguments that say what runs and what shall."""
    words = options(params, ("git", "root"))
    files = params["files"] or []
    words += [w for f in files if f["base"] for w in option("base", named(f["module"], f["base"]))]
    words += [w for f in files for path in f["signatures"] or [] for w in option("signature", path)]
    return words, ["--"] + [named(f["module"], f["file"]) for f in files]


def listed(items):
    return ", ".join(items[:LISTED] + (["and %d others" % (len(items) - LISTED)] if len(items) > LISTED else []))


def counted(functions):
    if not functions:
        return "values only"
    return "%d function%s: %s" % (len(functions), "" if len(functions) == 1 else "s", listed(functions))


def left_out(answer):
    """Files of a range of commits that the patch does not have, and why."""
    skipped = ["%s (%s)" % (s["file"], s["why"]) for s in answer.report.get("skipped", [])]
    return "; left out: " + listed(skipped) if skipped else ""


def push_words(params):
    words, last = sources(params)
    words += options(params, TEXT_OPTIONS + WRITE_TEXT_OPTIONS) + ["--" + f for f in FLAGS + ("atomic",) if params[f]]
    words += [w for code in params["accept"] for w in option("accept", code)]
    words += [w for path in params["functions"] for w in option("function", path)]
    return words, last


def push(server, params, check_mode):
    words, last = push_words(params)
    look = server.ask("diff", words + ["--exit-code"], last)
    if look.exit not in (0, 2):
        server.fail(look)
    if look.exit == 0:
        server.end(look, False, "nothing to do" + left_out(look), diff=look.diff())
    if check_mode:
        server.end(look, True, "would patch " + counted(look.functions(*CHANGES)) + left_out(look), diff=look.diff())
    done = server.write("push", words + options(params, ("confirm_within", "guard")), last)
    if done.exit != 0:
        server.fail(done)
    if done.status != "applied":  # somebody else was faster
        server.end(done, False, "nothing to do" + left_out(done))
    patch = done.report["patch"]
    trial = "provisional " if done.report.get("provisional") else ""
    message = "applied %spatch %d, %s%s" % (trial, patch, counted(done.functions(*CHANGES)), left_out(done))
    server.end(done, True, message, patch, look.diff())


def entry_of(server, patch):
    """What the log says of a patch (of the last that is applied, for none), and the answer it is from."""
    log = server.ask("log", [])
    if log.exit != 0:
        server.fail(log)
    for entry in log.report.get("patches", []):
        if entry.get("patch") == patch or (not patch and entry.get("status") == "applied"):
            return entry, log
    return None, log


def why_gone(entry):
    """Who took a patch back, of its entry in the log."""
    if entry.get("trial") == "guard":
        guard = entry.get("guard") or {}
        function = guard.get("function")
        return "its guard was broken (%s), %d of %d calls%s failed, the last with: %s" % (
            guard.get("rule"), guard.get("function_errors" if function else "errors", 0),
            guard.get("function_calls" if function else "calls", 0), " of " + function if function else "",
            guard.get("last_error", "an error that is not known"))
    return "nobody confirmed it in time" if entry.get("trial") == "expired" else "somebody reverted it"


def confirm(server, params, check_mode):
    patch = params["patch"]
    status = server.ask("status", [])
    if status.exit != 0:
        server.fail(status)
    on_trial = (status.report.get("provisional") or {}).get("patch")
    if on_trial and patch in (None, on_trial):
        if check_mode:
            server.end(status, True, "would confirm patch %d" % on_trial, on_trial)
        answer = server.ask("confirm", [], ["--", str(on_trial)])
        if answer.exit != 0:
            server.fail(answer)
        server.end(answer, True, "patch %d is confirmed" % on_trial, on_trial)
    if not patch:
        server.end(status, False, "no patch is provisional")
    entry, log = entry_of(server, patch)
    if entry is None:
        server.fail(log, "patch %d is not in the log of this server; was it started anew?" % patch, "refused")
    if entry["status"] != "applied":
        server.fail(log, "patch %d is no longer there: %s" % (patch, why_gone(entry)), "refused")
    server.end(log, False, "patch %d is for good already" % patch, patch)


def revert(server, params, check_mode):
    entry, log = entry_of(server, params["patch"])
    if entry is None and params["patch"]:
        server.fail(log, "patch %d is not in the log of this server; was it started anew?" % params["patch"], "refused")
    if entry is None or entry["status"] != "applied":
        server.end(log, False, "nothing to revert")
    if check_mode:
        server.end(log, True, "would revert patch %d" % entry["patch"], entry["patch"])
    words = options(params, WRITE_TEXT_OPTIONS) + ["--atomic"] * params["atomic"]
    words += [w for code in params["accept"] for w in option("accept", code)]
    answer = server.write("revert", words, ["--", str(entry["patch"])])
    if answer.exit != 0:
        server.fail(answer)
    server.end(answer, True, "reverted patch %d" % entry["patch"], entry["patch"])


def verify(server, params, check_mode):
    words, last = sources(params)
    answer = server.ask("verify", words, last)
    if answer.exit == 2:
        server.fail(answer, "what runs is not what the source says, " + counted(answer.functions("differs", "absent", "extra")))
    if answer.exit != 0:
        server.fail(answer)
    server.end(answer, False, "what runs is what the source says" + left_out(answer))


COMMANDS = {"push": push, "confirm": confirm, "revert": revert, "verify": verify}


def main():
    text, path, flag = {"type": "str"}, {"type": "path"}, {"type": "bool", "default": False}
    number, words = {"type": "float"}, {"type": "list", "elements": "str", "default": []}
    # `src` has become `file` when the module runs: action_plugins/hotpatch.py
    file_options = {"file": path, "module": text, "base": path, "signatures": {"type": "list", "elements": "str"}}
    module = AnsibleModule(
        argument_spec={
            "command": {"type": "str", "choices": sorted(COMMANDS), "default": "push"},
            "files": {"type": "list", "elements": "dict", "options": file_options},
            "git": text, "root": path, "chdir": path, "to": text, "pid": {"type": "int"}, "name": text, "state": text,
            "tls_ca": path, "tls_cert": path, "tls_key": {"type": "path", "no_log": False},
            "patch": {"type": "int"}, "confirm_within": text, "guard": text, "message": text, "accept": words, "functions": words,
            "effects": {"type": "str", "choices": ["none", "new"]},
            "merge": {"type": "str", "choices": ["keep", "three-way"]},
            "refs": {"type": "str", "choices": ["heap", "module"]}, "expect_version": text,
            "all": flag, "prune": flag, "strict": flag, "atomic": flag,
            "max_pause": number, "search_limit": number, "timeout": number,
            "executable": {"type": "str", "default": "hotpatch"},
        },
        mutually_exclusive=[("to", "pid", "name")],
        required_if=[("command", "push", ("files", "git"), True)],
        supports_check_mode=True)
    COMMANDS[module.params["command"]](Server(module), module.params, module.check_mode)


if __name__ == "__main__":
    main()
