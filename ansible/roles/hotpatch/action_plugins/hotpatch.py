# -*- coding: utf-8 -*-
"""The part of the hotpatch module that runs where Ansible runs: brings files named by `src` to the host, then asks there.

They lie in the task's temporary folder, which Ansible makes readable for the user that the task becomes and removes at the end.
"""
from __future__ import absolute_import, division, print_function
__metaclass__ = type

import os

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    TRANSFERS_FILES = True
    _supports_check_mode = True

    def _bring(self, source, name):
        """A file of this machine into the temporary folder; its path there."""
        copy = self._connection._shell.join_path(self._connection._shell.tmpdir, name)
        self._transfer_file(self._loader.get_real_file(source), copy)
        self._fixup_perms2((self._connection._shell.tmpdir, copy))
        return copy

    def _brought(self, number, entry):
        """The entry with `file`, the copy on the host, in place of `src`; what is not ours to bring as it is."""
        if not isinstance(entry, dict) or not entry.get("src") or entry.get("file"):
            return entry
        source = self._find_needle("files", entry["src"])
        name = "%d-%s" % (number, os.path.basename(source))  # two modules may have files of one name
        brought = dict(entry, file=self._bring(source, name))
        del brought["src"]
        if os.path.exists(source + ".minisig"):  # where the command looks by itself
            self._bring(source + ".minisig", name + ".minisig")
        brought["signatures"] = [self._bring(self._find_needle("files", signature), "%s.%d.minisig" % (name, i))
                                 for i, signature in enumerate(entry.get("signatures") or [])]
        return brought

    def run(self, tmp=None, task_vars=None):
        result = super(ActionModule, self).run(tmp, task_vars)
        args = self._task.args.copy()
        if isinstance(args.get("files"), list):
            args["files"] = [self._brought(i + 1, entry) for i, entry in enumerate(args["files"])]
        result.update(self._execute_module(module_name="hotpatch", module_args=args, task_vars=task_vars))
        return result
