/* make_corpus request|report|bundle DIR: writes the seeds of a fuzzer, one message a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bundle.h"
#include "tests/proto/sample.h"

static void write_seed(const char *dir, const char *name, const char *data, size_t len)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *out = fopen(path, "wb");
    if (out == NULL || fwrite(data, 1, len, out) != len || fclose(out) != 0) {
        perror(path);
        exit(1);
    }
}

static void write_request(const char *dir, const char *name, const struct hp_request *r)
{
    char *data = NULL;
    size_t len = 0;
    if (hp_request_encode(r, &data, &len) != HP_OK)
        exit(1);
    write_seed(dir, name, data, len);
    hp_mem_free(data);
}

static void write_report(const char *dir, const char *name, const struct hp_report *r)
{
    char *data = NULL;
    size_t len = 0;
    if (hp_report_encode(r, &data, &len) != HP_OK)
        exit(1);
    write_seed(dir, name, data, len);
    hp_mem_free(data);
}

static void write_bundles(const char *dir)
{
    struct hp_bundle b;
    char *data = NULL;
    size_t len = 0;
    hp_bundle_init(&b);
    bool filled = sample_fill(&HP_BUNDLE_SHAPE, &b, &b.arena);
    b.protocol = 1;
    b.kind = "bundle";
    if (!filled || hp_bundle_encode(&b, &data, &len) != HP_OK)
        exit(1);
    write_seed(dir, "full", data, len);
    hp_mem_free(data);
    hp_bundle_fini(&b);
}

static void write_requests(const char *dir)
{
    struct hp_request r;
    hp_request_init(&r);
    if (!sample_request(&r))
        exit(1);
    write_request(dir, "full", &r);
    hp_request_fini(&r);
    for (int i = 0; i < HP_KIND_COUNT; i++) {
        struct hp_request_module module = {.module = "m", .source = {"return {}", 9}};
        r.kind = (enum hp_kind)i;
        r.id = "1";
        r.target = "m.f";
        r.code = (struct hp_bytes){"return 1", 8};
        r.modules.items = &module;
        r.modules.count = 1;
        write_request(dir, hp_kind_word(r.kind), &r);
        hp_request_fini(&r);
    }
}

static void write_reports(const char *dir)
{
    struct hp_report r;
    hp_report_init(&r);
    write_report(dir, "empty", &r);
    if (!sample_report(&r))
        exit(1);
    write_report(dir, "full", &r);
    hp_report_fini(&r);
}

int main(int argc, char **argv)
{
    bool requests = argc == 3 && strcmp(argv[1], "request") == 0;
    bool reports = argc == 3 && strcmp(argv[1], "report") == 0;
    bool bundles = argc == 3 && strcmp(argv[1], "bundle") == 0;
    if (!requests && !reports && !bundles) {
        fputs("make_corpus request|report|bundle DIR\n", stderr);
        return 64;
    }
    if (requests)
        write_requests(argv[2]);
    else if (bundles)
        write_bundles(argv[2]);
    else
        write_reports(argv[2]);
    return 0;
}
