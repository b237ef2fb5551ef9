/* hotpatch: the table of reasons, R02 to R20: what `hotpatch explain` prints. The columns are in status.h.
 *
 * The examples are Lua: the old source above the line `-- after:`, the new one below it, each the smallest
 * edit that gives the code. */
#include "status.h"

static const struct hp_reason_info reasons[HP_REASON_MAX + 1] = {
    [HP_R02_AMBIGUOUS] =
        {
            "R02",
            "a name stands for two locals and nothing tells which",
            HP_REASON_REFUSE,
            true,
            "The new code uses a local by name, and the live module has two different locals of that "
            "name. Joining the wrong one would silently mix two states, so nothing is joined. It "
            "happens mostly with point fixes, whose chunk does not show which of the two is meant.",
            "-- live module:\n"
            "local n = 0                       -- counts players\n"
            "function M.join() n = n + 1 end\n"
            "do\n"
            "    local n = 0                   -- counts errors\n"
            "    function M.fail() n = n + 1 end\n"
            "end\n"
            "-- after: (point fix for M.report)\n"
            "local n\n"
            "return function() return n end    -- which n?\n",
            "Push the whole module instead of the single function, so that the place of each local is "
            "known; or give one of the two another name in a first push. `hotpatch inspect` shows "
            "which function holds which cell.",
        },
    [HP_R03_NO_BASE] =
        {
            "R03",
            "no base: matched by names alone",
            HP_REASON_WARN,
            true,
            "The source that the live module was loaded from is not known, or what was found is not "
            "what runs. So the new functions were paired with the live ones by their keys and upvalue "
            "names. That works for ordinary edits, but an edit of the source cannot be told from a "
            "change that the program made at run time, so live values are kept more often, and "
            "anonymous functions may go unpaired.",
            "-- loaded, then edited twice on disk without a push:\n"
            "function M.hit(e) e.hp = e.hp - 1 end\n"
            "-- after:\n"
            "function M.hit(e) e.hp = e.hp - 2 end    -- paired by the name M.hit only\n",
            "Name the source that runs: `--base FILE`, or `--git REV` for the revision that was "
            "deployed. Modules that are loaded after `require \"hotpatch\"` are recorded, and need "
            "neither.",
        },
    [HP_R04_KIND_CHANGED] =
        {
            "R04",
            "a value changes its kind",
            HP_REASON_REFUSE,
            true,
            "A slot holds a value of one kind (function, table, plain value) in the live program and "
            "the new source gives it another. Where the live value is untouched since it was loaded, "
            "the new one takes its place, with this warning. Where the program has changed it since, "
            "or no base tells, it is state, and only you know how to move it to the new shape: refused.",
            "local online = 0                             -- live: 37\n"
            "function M.join(p) online = online + 1 end\n"
            "-- after:\n"
            "local online = {}\n"
            "function M.join(p) online[p.id] = p end\n",
            "Move the state in `__hotfix(module, info)`, which runs once after the commit, and push "
            "with `--accept R04`; or give the new variable a new name and leave the old one alone.",
        },
    [HP_R05_PARAMETERS] =
        {
            "R05",
            "parameters changed while callers stay",
            HP_REASON_WARN,
            true,
            "The function takes other parameters than before, and there are callers that this patch "
            "does not change. They go on passing what they passed: new parameters will be nil there, "
            "and moved ones will be mixed up.",
            "function M.give(player, item) end\n"
            "-- after:\n"
            "function M.give(player, count, item) end    -- shop.lua still calls give(p, \"sword\")\n",
            "Add new parameters at the end and let nil mean the old behaviour; or push the modules of "
            "the callers in the same request.",
        },
    [HP_R06_UNPAIRED] =
        {
            "R06",
            "a changed function could not be paired, so its closures stay old",
            HP_REASON_WARN,
            true,
            "The new source changed or dropped a function, and nothing tells which new function takes "
            "its place: no name, no call that it is passed to, no equal code. Or several live "
            "functions look exactly alike. Closures of it that the program holds go on running the old "
            "code; the report says where they are.",
            "timer.every(1, function() save() end)\n"
            "timer.every(1, function() purge() end)\n"
            "-- after:\n"
            "timer.every(1, function() save(true) end)\n"
            "timer.every(1, function() purge(true) end)    -- two like calls, both changed\n",
            "Give the function a name: a local or a field of the module that the callback calls. Or "
            "push the change in two steps, one function at a time. A function that is created only in "
            "a branch that does not run again is new to the program: call it from `__hotfix`.",
        },
    [HP_R07_NO_VALUE] =
        {
            "R07",
            "a local that exists nowhere in the live program has no first value",
            HP_REASON_REFUSE,
            true,
            "The new function uses a local for which the live program has no variable, and the new "
            "source gives none either: a local of a factory that the earlier closures did not capture, "
            "or a bare `local x` in a point fix that no live local matches.",
            "function M.new(name)\n"
            "    local born = os.time()\n"
            "    return function() return name end             -- captures name only\n"
            "end\n"
            "-- after:\n"
            "function M.new(name)\n"
            "    local born = os.time()\n"
            "    return function() return name, born end       -- born of earlier ones is lost\n"
            "end\n",
            "Give the local a first value at the top of the module, or let the function do without it "
            "(`born or 0` on something reachable). With `--accept R07` it starts as nil in the "
            "closures that exist; new ones are right.",
        },
    [HP_R08_STILL_RUNNING] =
        {
            "R08",
            "an old function is still running, or a stack was too deep to look at",
            HP_REASON_REPORT,
            true,
            "A coroutine or a caller further up is inside a function that was replaced. Lua cannot "
            "change a running function, so that call ends in the old code, with the shared variables, "
            "so its state is right. A loop that never returns stays old until it does. Very deep "
            "stacks are not searched, and are reported with this code.",
            "function M.loop()\n"
            "    while true do step_v1() coroutine.yield() end\n"
            "end\n"
            "-- after:\n"
            "function M.loop()\n"
            "    while true do step_v2() coroutine.yield() end    -- the running loop stays\n"
            "end\n",
            "Nothing, if the call ends by itself. For endless loops keep the body in a function of its "
            "own, which the loop calls each turn: that one is replaced at once. `coroutines` in the "
            "report says where each stands.",
        },
    [HP_R09_UNREPLAYABLE] =
        {
            "R09",
            "a first value depends on a call that was not made in a way that cannot be replayed",
            HP_REASON_REFUSE,
            true,
            "The body of the module is not run again: its calls to code outside are recorded. A new "
            "variable gets its first value by making just the calls that it needs. Here the value came "
            "about in a way that cannot be repeated: a branch or a loop over a result that is not "
            "there, a coroutine, or a userdata of the body's own.",
            "local M = {}\n"
            "-- after:\n"
            "local M = {}\n"
            "local names = {}\n"
            "for line in io.lines(\"names.txt\") do    -- the loop ran no turn\n"
            "    names[#names + 1] = line\n"
            "end\n",
            "Put the work into a function and call it: `local names = load_names()` in a module that "
            "is loaded, or from `__hotfix`. With `--accept R09` the value computed without the call is "
            "used as it is.",
        },
    [HP_R10_METATABLE] =
        {
            "R10",
            "metatable, __gc, __close or __mode changed",
            HP_REASON_WARN,
            true,
            "The new source sets a metatable that the live object has not, or changes fields of one "
            "that Lua treats specially. They act on objects that exist already. A new `__gc` on live "
            "objects is refused: setting it searches the list of all objects, and finalizers would run "
            "for objects that were made without them.",
            "local cache = {}\n"
            "-- after:\n"
            "local cache = setmetatable({}, {__mode = \"k\"})    -- live entries may now be collected\n",
            "Check that the objects which exist can bear it. For `__gc`, let new objects have a new "
            "metatable and leave the old ones as they are.",
        },
    [HP_R11_EFFECTS] =
        {
            "R11",
            "the new body has effects that the base has not, or lacks some",
            HP_REASON_WARN,
            true,
            "The body calls code outside the module (registers handlers, starts timers, opens files). "
            "The body is not run again, so calls that are new in this source have not been made, and "
            "those that are gone have not been undone.",
            "bus.on(\"login\", on_login)\n"
            "-- after:\n"
            "bus.on(\"login\", on_login)\n"
            "bus.on(\"logout\", on_logout)    -- not registered yet\n",
            "`--effects new` makes the new calls after the commit; read the list in the report first. "
            "Calls that are gone have to be undone by you, in `__hotfix`.",
        },
    [HP_R12_VALUE_KEPT] =
        {
            "R12",
            "initial value or default changed, live value kept",
            HP_REASON_WARN,
            true,
            "The source gives a variable another first value than the base did. The live value stays, "
            "because it is state: hotpatch cannot know whether a number is a setting that you edited "
            "or a count that the program keeps.",
            "local rate = 1.0\n"
            "-- after:\n"
            "local rate = 1.5    -- the program goes on with 1.0\n",
            "`--merge three-way` takes the new value where the live one is still exactly that of the "
            "base, and reports a conflict elsewhere. Or set it in `__hotfix`, or with `hotpatch eval`.",
        },
    [HP_R13_GONE] =
        {
            "R13",
            "gone from the new source",
            HP_REASON_REPORT,
            true,
            "A function or field that the live module has is not in the new source. It stays, since "
            "others may call it; its variables stay too.",
            "function M.old_api() end\n"
            "function M.new_api() end\n"
            "-- after:\n"
            "function M.new_api() end    -- M.old_api is still there\n",
            "Nothing, or `--prune` to remove the functions and fields that the base had and the new "
            "source has not.",
        },
    [HP_R14_NOT_PATCHABLE] =
        {
            "R14",
            "the target is a C function, or has no names",
            HP_REASON_REFUSE,
            false,
            "Only functions written in Lua can be replaced, and their variables are found by name. C "
            "functions have no Lua code; code that was compiled with `luac -s` has no names, and no "
            "base was found that matches it.",
            "-- live: json is a C module\n"
            "-- after: (json=json.lua)\n"
            "function M.encode(v) end\n",
            "For stripped code send the source it was compiled from with `--base`. A C function can be "
            "wrapped: assign a Lua function to the field with `hotpatch eval`.",
        },
    [HP_R16_NOT_THE_BASE] =
        {
            "R16",
            "the live code is not the base that was named",
            HP_REASON_REFUSE,
            true,
            "You named a base (`--base`, `--git`), and the functions that run were not compiled from "
            "it: their code or their lines differ. Merging against a wrong base would take live state "
            "for edits, and edits for state.",
            "function M.hp() return 10 end    -- runs; the file given with --base says 12\n"
            "-- after:\n"
            "function M.hp() return 14 end\n",
            "Name the revision that runs (`hotpatch log` shows what was pushed), or leave `--base` "
            "away: the agent then uses the source that it recorded. `--accept R16` merges by names "
            "alone, as if there were no base.",
        },
    [HP_R17_DENIED] =
        {
            "R17",
            "the target is on the never-patch list",
            HP_REASON_REFUSE,
            false,
            "The standard library, C modules, hotpatch itself, and the modules that the program denies "
            "in `hotpatch.start` (or does not allow) are never patched.",
            "hotpatch.start { deny = { \"billing.*\" } }\n"
            "-- after: (billing.invoice=invoice.lua)\n"
            "function M.total() end\n",
            "Patch another module, or have `allow` and `deny` changed by whoever owns the program; "
            "that needs a restart of the agent.",
        },
    [HP_R18_LOOP_TABLE] =
        {
            "R18",
            "a running loop iterates over a table that gets a key",
            HP_REASON_WARN,
            true,
            "The patch adds a key to a table over which a loop of the program is just iterating. Lua "
            "leaves open what `next` does then: the loop may miss keys, see some twice, or raise "
            "\"invalid key to 'next'\".",
            "for name, h in pairs(handlers) do h() coroutine.yield() end    -- suspended here\n"
            "-- after:\n"
            "handlers.extra = function() end\n",
            "Push again when the loop is done; the report names the frame. Or let the loop go over a "
            "copy of the keys.",
        },
    [HP_R19_IRREVERSIBLE] =
        {
            "R19",
            "what the patch did cannot be undone by a revert alone",
            HP_REASON_REFUSE,
            true,
            "The patch ran `__hotfix`, performed effects, or made calls for first values. A revert "
            "takes back what hotpatch changed; what that code did by itself (objects rewritten, "
            "handlers registered) stays.",
            "function M.__hotfix(m)\n"
            "    for _, p in pairs(m.players) do p.hp = p.hp * 10 end\n"
            "end\n"
            "-- after: hotpatch revert\n"
            "-- the code is back, the hit points stay tenfold\n",
            "Give the module a `__hotrevert(module, info)` that undoes it; it is called by the revert. "
            "Or read the list in `hotpatch log` and use `--accept R19`.",
        },
    [HP_R20_LONG_STOP] =
        {
            "R20",
            "so many places that the commit would exceed max_pause",
            HP_REASON_REFUSE,
            true,
            "The commit is one stop of the Lua thread, and its length grows with the places that have "
            "to be written. So many objects hold the old functions that it would last longer than "
            "`max_pause` allows; the report says how long it is expected to be.",
            "for i = 1, 2000000 do objects[i] = { act = M.act } end    -- two million holders\n"
            "-- after:\n"
            "function M.act(self) end\n",
            "Allow the stop with `--max-pause MS` or `--accept R20`, at a quiet hour. For the future "
            "put methods into one metatable, instead of into each object.",
        },
};

const struct hp_reason_info *hp_reason_info(int reason)
{
    if (reason < 0 || reason > HP_REASON_MAX || reasons[reason].code == NULL)
        return NULL;
    return &reasons[reason];
}

/* "R06", "r6", "R6": one letter, one or two digits. */
int hp_reason_from_code(const char *code)
{
    if (code == NULL || (code[0] != 'R' && code[0] != 'r'))
        return HP_R00_NONE;
    int number = 0;
    size_t digits = 0;
    for (const char *p = code + 1; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || ++digits > 2)
            return HP_R00_NONE;
        number = number * 10 + (*p - '0');
    }
    return hp_reason_info(number) != NULL ? number : HP_R00_NONE;
}
