#include "rule.h"

#include <stddef.h>
#include <string.h>

#define MAX_LIMIT 1e9

static const char *skip_spaces(const char *p)
{
    while (*p == ' ')
        p++;
    return p;
}

/* Digits, with a fraction or without, in whatever locale the program runs. NULL: there are none. */
static const char *read_number(const char *p, double *value, bool *is_whole)
{
    const char *begin = p;
    double scale = 1;
    *value = 0;
    for (; *p >= '0' && *p <= '9' && *value < MAX_LIMIT; p++)
        *value = *value * 10 + (*p - '0');
    *is_whole = *p != '.';
    if (p == begin)
        return NULL;
    if (*p == '.')
        for (p++; *p >= '0' && *p <= '9'; p++)
            *value += (*p - '0') * (scale /= 10);
    return p;
}

bool hp_rule_parse(const char *text, struct hp_rule *rule)
{
    static const char subject[] = "errors";
    double limit;
    bool is_whole;
    const char *p = skip_spaces(text ? text : "");
    if (strncmp(p, subject, sizeof subject - 1) != 0)
        return false;
    p = skip_spaces(p + sizeof subject - 1);
    if (*p != '<')
        return false;
    p = read_number(skip_spaces(p + 1), &limit, &is_whole);
    if (!p)
        return false;
    p = skip_spaces(p);
    bool is_rate = *p == '%';
    p = skip_spaces(p + is_rate);
    if (*p != '\0' || limit <= 0 || limit > (is_rate ? 100 : MAX_LIMIT) || !(is_rate || is_whole))
        return false;
    *rule = (struct hp_rule){is_rate, limit};
    return true;
}

bool hp_rule_is_broken(const struct hp_rule *rule, int64_t calls, int64_t errors)
{
    if (errors == 0)
        return false;
    if (!rule->is_rate)
        return (double)errors >= rule->limit;
    return calls >= HP_RULE_CALLS && (double)errors * 100 >= rule->limit * (double)calls;
}
