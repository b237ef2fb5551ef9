#include "client/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "proto/arena.h"

void hp_text_init(struct hp_text *t, struct hp_style style)
{
    memset(t, 0, sizeof *t);
    t->style = style;
}

void hp_text_fini(struct hp_text *t)
{
    hp_mem_free(t->data);
    memset(t, 0, sizeof *t);
}

/* Room for `more` bytes and a NUL. */
static bool text_reserve(struct hp_text *t, size_t more)
{
    if (t->failed)
        return false;
    if (t->data != NULL && t->cap - t->len > more)
        return true;
    size_t cap = t->cap < 256 ? 256 : t->cap;
    while (cap - t->len <= more) {
        if (cap > SIZE_MAX / 2) {
            t->failed = true;
            return false;
        }
        cap *= 2;
    }
    char *data = hp_mem_realloc(t->data, cap);
    if (data == NULL) {
        t->failed = true;
        return false;
    }
    t->data = data;
    t->cap = cap;
    return true;
}

void hp_text_addn(struct hp_text *t, const char *s, size_t len)
{
    if (text_reserve(t, len)) {
        memcpy(t->data + t->len, s, len);
        t->len += len;
    }
}

void hp_text_add(struct hp_text *t, const char *s)
{
    hp_text_addn(t, s, strlen(s));
}

void hp_text_printf(struct hp_text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (len < 0 || !text_reserve(t, (size_t)len)) {
        t->failed = true;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(t->data + t->len, (size_t)len + 1, fmt, ap);
    va_end(ap);
    t->len += (size_t)len;
}

void hp_text_pad(struct hp_text *t, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hp_text_addn(t, " ", 1);
}

/* Length of the well-formed UTF-8 sequence at `s` and its code point, or 0. */
static size_t utf8_decode(const unsigned char *s, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf8 ? 4 : 0;
    if (len == 0)
        return 0;
    uint32_t value = len == 1 ? s[0] : s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) /* also stops at the NUL */
            return 0;
        value = value << 6 | (s[i] & 0x3fu);
    }
    if (value < least[len] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return 0;
    *point = value;
    return len;
}

/* Control characters, and those that reorder or hide what stands around them. */
static bool point_is_unsafe(uint32_t p)
{
    return p < 0x20 || (p >= 0x7f && p < 0xa0) || (p >= 0x200b && p <= 0x200f) ||
           (p >= 0x2028 && p <= 0x202e) || (p >= 0x2060 && p <= 0x206f) || p == 0xfeff ||
           (p >= 0xe0000 && p <= 0xe007f);
}

/* Bytes at `s` that can be shown as they stand, 0 if the first one must be escaped. */
static size_t safe_run(struct hp_style style, const char *s)
{
    uint32_t point = 0;
    size_t len = utf8_decode((const unsigned char *)s, &point);
    return len == 0 || point_is_unsafe(point) || (len > 1 && !style.utf8) ? 0 : len;
}

static void safe_one(struct hp_text *t, const char **s)
{
    size_t run = safe_run(t->style, *s);
    if (run > 0) {
        hp_text_addn(t, *s, run);
        *s += run;
    } else {
        if (**s == '\n' || **s == '\t')
            hp_text_add(t, **s == '\n' ? "\\n" : "\\t");
        else
            hp_text_printf(t, "\\x%02x", (unsigned)(unsigned char)**s);
        *s += 1;
    }
}

void hp_text_safe(struct hp_text *t, const char *s)
{
    for (s = s == NULL ? "?" : s; *s != '\0';)
        safe_one(t, &s);
}

void hp_text_safe_lines(struct hp_text *t, const char *s, size_t indent)
{
    if (s == NULL || *s == '\0')
        return;
    hp_text_pad(t, indent);
    while (*s != '\0') {
        if (*s == '\n') {
            hp_text_addn(t, "\n", 1);
            hp_text_pad(t, s[1] != '\0' && s[1] != '\n' ? indent : 0);
            s++;
        } else if (*s == '\t') {
            hp_text_addn(t, s++, 1);
        } else {
            safe_one(t, &s);
        }
    }
    if (t->len > 0 && t->data[t->len - 1] != '\n')
        hp_text_addn(t, "\n", 1);
}

/* Where the page stands: columns since its last newline, our own colours not counted. */
static size_t current_column(const struct hp_text *t)
{
    size_t column = 0;
    for (size_t i = t->len; i > 0 && t->data[i - 1] != '\n'; i--) {
        column += ((unsigned char)t->data[i - 1] & 0xc0) != 0x80 ? 1 : 0;
        if (t->data[i - 1] == '\033') {
            const char *end = memchr(t->data + i - 1, 'm', t->len - i + 1);
            column -= end != NULL ? (size_t)(end - (t->data + i - 1)) + 1 : 0;
        }
    }
    return column;
}

void hp_text_wrap(struct hp_text *t, const char *s, size_t indent)
{
    size_t column = current_column(t);
    while (*s != '\0') {
        size_t gap = strspn(s, " ");
        size_t len = strcspn(s + gap, " \n");
        struct hp_text word;
        hp_text_init(&word, t->style);
        hp_text_addn(&word, s + gap, len);
        size_t width = hp_text_width(t->style, hp_text_str(&word));
        if (column > indent && column + gap + width > HP_TEXT_COLUMNS) {
            hp_text_addn(t, "\n", 1);
            hp_text_pad(t, indent);
            column = indent;
        } else if (len > 0) {
            hp_text_pad(t, gap);
            column += gap;
        }
        hp_text_safe(t, hp_text_str(&word));
        hp_text_fini(&word);
        column += width;
        s += gap + len;
        if (*s == '\n') {
            hp_text_addn(t, "\n", 1);
            hp_text_pad(t, s[1] != '\0' && s[1] != '\n' ? indent : 0);
            column = indent;
            s++;
        }
    }
    if (t->len == 0 || t->data[t->len - 1] != '\n')
        hp_text_addn(t, "\n", 1);
}

void hp_text_paint(struct hp_text *t, enum hp_colour colour, const char *s)
{
    hp_text_add(t, hp_style_on(t->style, colour));
    hp_text_add(t, s);
    hp_text_add(t, hp_style_off(t->style, colour));
}

void hp_text_paint_safe(struct hp_text *t, enum hp_colour colour, const char *s)
{
    hp_text_add(t, hp_style_on(t->style, colour));
    hp_text_safe(t, s);
    hp_text_add(t, hp_style_off(t->style, colour));
}

size_t hp_text_width(struct hp_style style, const char *s)
{
    size_t width = 0;
    for (s = s == NULL ? "?" : s; *s != '\0';) {
        size_t run = safe_run(style, s);
        width += run > 0 ? 1 : *s == '\n' || *s == '\t' ? 2 : 4;
        s += run > 0 ? run : 1;
    }
    return width;
}

const char *hp_text_str(struct hp_text *t)
{
    if (!text_reserve(t, 0))
        return "";
    t->data[t->len] = '\0';
    return t->data;
}

bool hp_text_write(struct hp_text *t, FILE *stream)
{
    if (t->failed) {
        errno = ENOMEM;
        return false;
    }
    bool ok = t->len == 0 || fwrite(t->data, 1, t->len, stream) == t->len;
    return fflush(stream) == 0 && ok;
}
