#define _GNU_SOURCE
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct trace {
    FILE *out;
    int depth;
};

static FILE *line(struct trace *t, const char *key)
{
    fprintf(t->out, "%*s%s: ", t->depth * 2, "", key != NULL ? key : "-");
    return t->out;
}

static void on_map(void *ctx, const char *key, size_t count)
{
    struct trace *t = ctx;
    fprintf(line(t, key), "map %zu\n", count);
    t->depth++;
}

static void on_list(void *ctx, const char *key, size_t count)
{
    struct trace *t = ctx;
    fprintf(line(t, key), "list %zu\n", count);
    t->depth++;
}

static void on_end(void *ctx)
{
    struct trace *t = ctx;
    t->depth--;
}

static void on_string(void *ctx, const char *key, const char *s, size_t len)
{
    FILE *out = line(ctx, key);
    fputc('"', out);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        fprintf(out, c >= ' ' && c < 0x7f && c != '"' && c != '\\' ? "%c" : "\\x%02x", c);
    }
    fputs("\"\n", out);
}

static void on_integer(void *ctx, const char *key, int64_t value)
{
    fprintf(line(ctx, key), "%" PRId64 "\n", value);
}

static void on_number(void *ctx, const char *key, double value)
{
    fprintf(line(ctx, key), "%a\n", value);
}

static void on_boolean(void *ctx, const char *key, bool value)
{
    fprintf(line(ctx, key), "%s\n", value ? "true" : "false");
}

char *trace_object(const struct hp_shape *shape, const void *object)
{
    static const struct hp_sink sink = {on_map,     on_list,   on_end,    on_string,
                                        on_integer, on_number, on_boolean};
    char *text = NULL;
    size_t size = 0;
    struct trace t = {open_memstream(&text, &size), 0};
    if (t.out == NULL)
        abort();
    hp_shape_walk(shape, object, &sink, &t);
    fclose(t.out);
    return text;
}
