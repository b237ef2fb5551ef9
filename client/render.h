/* hotpatch client: reports for people (text) and for programs (json, msgpack), onto pages. */
#ifndef HP_RENDER_H
#define HP_RENDER_H

#include "client/cli.h"
#include "client/text.h"

/* The tree of a diff, push or revert, down to the line of the cost. Also of one that was refused: then
 * without that line. */
void hp_render_patch(struct hp_text *page, const struct hp_report *report);

/* A range of commits in which nothing is to be patched. */
void hp_render_nothing(struct hp_text *page, const struct hp_report *report);

/* verify: the functions that are not what the source says, and where they came from. */
void hp_render_verify(struct hp_text *page, const struct hp_report *report);

/* inspect: functions with their upvalues. log: patches, newest first. status: one agent. eval: prints, then
 * results. */
void hp_render_inspect(struct hp_text *page, const struct hp_report *report);
void hp_render_confirm(struct hp_text *page, const struct hp_report *report);
void hp_render_log(struct hp_text *page, const struct hp_report *report);
void hp_render_status(struct hp_text *page, const struct hp_report *report);
void hp_render_eval(struct hp_text *page, const struct hp_report *report);

/* What goes to standard error where a report is no success: the sentence with file, line and source line, the
 * traceback, and what to do next. */
void hp_render_trouble(struct hp_text *page, const struct hp_report *report);

/* One struct as compact JSON on one line, keys in the order of its shape. Strings that are not UTF-8 get
 * U+FFFD. */
void hp_render_json(struct hp_text *page, const struct hp_shape *shape, const void *object);
void hp_render_json_list(struct hp_text *page, const struct hp_shape *shape, const struct hp_list *list);

/* The same in msgpack, as on the wire. */
void hp_render_msgpack(struct hp_text *page, const struct hp_shape *shape, const void *object);
void hp_render_msgpack_list(struct hp_text *page, const struct hp_shape *shape, const struct hp_list *list);

#endif
