/* Who may do what: what `rights` takes, whom it means, and what each kind of request needs. */
#include "support.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/rights.h"
#include "agent/rundir.h"
#include "agent/users.h"
#include "fake_engine.h"
#include "hotpatch/hotpatch.h"
#include "proto/arena.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct hp_groups no_groups;

static struct hp_rights *rights_new(struct hp_rights_spec spec)
{
    struct hp_why why = {0};
    struct hp_rights *rights = hp_rights_new(&spec, &why);
    if (!rights)
        fail_msg("%s", why.text);
    return rights;
}

static void is_wrong(struct hp_rights_spec spec, const char *part)
{
    struct hp_why why = {0};
    assert_null(hp_rights_new(&spec, &why));
    if (!strstr(why.text, part))
        fail_msg("'%s' is not in: %s", part, why.text);
}

static struct hp_peer user(uid_t uid, gid_t gid)
{
    return (struct hp_peer){
        .transport = HP_TRANSPORT_IPC, .known = true, .uid = uid, .gid_known = true, .gid = gid};
}

static unsigned of(const struct hp_rights *rights, struct hp_peer peer)
{
    return hp_rights_of(rights, &peer, &no_groups);
}

static const struct hp_peer tls = {.transport = HP_TRANSPORT_TLS, .uid = (uid_t)-1};
static const struct hp_peer nobody_knows = {.transport = HP_TRANSPORT_TCP, .uid = (uid_t)-1};

static void with_none_said_the_owner_root_and_tls_may_all(void **state)
{
    struct hp_rights *empty = rights_new((struct hp_rights_spec){0});
    const struct hp_rights *all[] = {NULL, empty};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(of(all[i], user(geteuid(), 4242)), HP_RIGHT_ALL);
        assert_int_equal(of(all[i], user(0, 4242)), HP_RIGHT_ALL);
        assert_int_equal(of(all[i], user(4242, 0)), HP_RIGHT_NONE);
        assert_int_equal(of(all[i], nobody_knows), HP_RIGHT_NONE);
        assert_int_equal(of(all[i], tls), HP_RIGHT_ALL);
        assert_false(hp_rights_name_others(all[i]));
        assert_false(hp_rights_off(all[i], HP_RIGHT_EVAL));
    }
    hp_rights_free(empty);
}

static void those_named_may_what_they_are_named_for(void **state)
{
    gid_t ids[] = {70, 71};
    const struct hp_groups groups = {ids, 2};
    (void)state;
    struct hp_rights *rights = rights_new((struct hp_rights_spec){
        .read = LIST("group:71", "user:4243"), .patch = LIST("user:4242", "tls"), .eval = LIST("user:4242")});
    struct hp_peer member = user(4250, 4250), primary = user(4251, 71), tcp = user(4242, 0);
    tcp.transport = HP_TRANSPORT_TCP;
    tcp.gid_known = false;
    assert_int_equal(of(rights, user(4242, 1)), HP_RIGHT_ALL);
    assert_int_equal(of(rights, tcp), HP_RIGHT_ALL);
    assert_int_equal(of(rights, user(4243, 1)), HP_RIGHT_READ);
    assert_int_equal(of(rights, user(4244, 1)), HP_RIGHT_NONE);
    assert_int_equal(of(rights, primary), HP_RIGHT_READ);
    assert_int_equal(hp_rights_of(rights, &member, &groups), HP_RIGHT_READ);
    assert_int_equal(of(rights, member), HP_RIGHT_NONE);
    assert_int_equal(of(rights, tls), HP_RIGHT_READ | HP_RIGHT_PATCH);
    assert_int_equal(of(rights, nobody_knows), HP_RIGHT_NONE);
    assert_int_equal(of(rights, user(geteuid(), 1)), HP_RIGHT_ALL);
    assert_true(hp_rights_name_others(rights));
    assert_true(hp_rights_name_groups(rights));
    hp_rights_free(rights);
}

/* A list, even an empty one, is the whole truth about tls; the number of a user who is not known is none. */
static void a_list_takes_from_tls_what_it_does_not_name(void **state)
{
    static const char *const none[] = {NULL};
    (void)state;
    struct hp_rights *rights = rights_new((struct hp_rights_spec){.read = none});
    assert_int_equal(of(rights, tls), HP_RIGHT_NONE);
    assert_false(hp_rights_name_others(rights));
    hp_rights_free(rights);
    rights = rights_new((struct hp_rights_spec){.read = LIST("tls")});
    assert_int_equal(of(rights, tls), HP_RIGHT_READ);
    assert_false(hp_rights_name_others(rights));
    assert_false(hp_rights_name_groups(rights));
    hp_rights_free(rights);
}

static void eval_switched_off_is_off_for_all(void **state)
{
    (void)state;
    struct hp_rights *rights = rights_new((struct hp_rights_spec){.no_eval = true});
    assert_int_equal(of(rights, user(0, 0)), HP_RIGHT_READ | HP_RIGHT_PATCH);
    assert_int_equal(of(rights, user(geteuid(), 0)), HP_RIGHT_READ | HP_RIGHT_PATCH);
    assert_int_equal(of(rights, tls), HP_RIGHT_READ | HP_RIGHT_PATCH);
    assert_true(hp_rights_off(rights, HP_RIGHT_EVAL));
    assert_false(hp_rights_off(rights, HP_RIGHT_PATCH));
    hp_rights_free(rights);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    is_wrong((struct hp_rights_spec){.read = LIST("anna")}, "rights.read: 'anna' is none of");
    is_wrong((struct hp_rights_spec){.patch = LIST("user:")}, "rights.patch: 'user:' is none of");
    is_wrong((struct hp_rights_spec){.eval = LIST("users:1")}, "rights.eval: 'users:1' is none of");
    is_wrong((struct hp_rights_spec){.read = LIST("")}, "'' is none of");
    is_wrong((struct hp_rights_spec){.read = LIST("tls", "user:no such one")},
             "there is no user 'no such one'");
    is_wrong((struct hp_rights_spec){.read = LIST("group:no such one")}, "there is no group 'no such one'");
    is_wrong((struct hp_rights_spec){.read = LIST("user:4294967295")}, "no user"); /* -1 */
    is_wrong((struct hp_rights_spec){.read = LIST("user:99999999999999999999")}, "no user");
    is_wrong((struct hp_rights_spec){.read = LIST("user:-1")}, "no user");
    is_wrong((struct hp_rights_spec){.eval = LIST("tls"), .no_eval = true}, "say one of them");
}

static void names_are_looked_up(void **state)
{
    uid_t uid;
    gid_t gid;
    (void)state;
    assert_true(hp_users_uid("root", &uid));
    assert_int_equal(uid, 0);
    assert_true(hp_users_uid("1234", &uid));
    assert_int_equal(uid, 1234);
    assert_true(hp_users_gid("root", &gid));
    assert_int_equal(gid, 0);
    assert_true(hp_users_gid("4294967294", &gid));
    assert_false(hp_users_uid("", &uid));
}

/* As `id -G` has them, for each user of the machine. */
static void groups_are_those_that_id_tells(void **state)
{
    struct passwd *entry;
    (void)state;
    setpwent();
    for (int n = 0; n < 5 && (entry = getpwent()) != NULL; n++) {
        char line[256], ids[4096] = "";
        struct hp_groups groups;
        uid_t uid = entry->pw_uid;
        snprintf(line, sizeof line, "id -G %ld", (long)uid);
        FILE *pipe = popen(line, "re");
        assert_non_null(pipe);
        assert_non_null(fgets(ids, sizeof ids, pipe));
        assert_int_equal(pclose(pipe), 0);
        hp_groups_of(uid, &groups);
        size_t count = 0;
        for (char *word = strtok(ids, " \n"); word; word = strtok(NULL, " \n"), count++)
            assert_true(hp_groups_have(&groups, (gid_t)strtoul(word, NULL, 10)));
        assert_int_equal(groups.count, count);
        hp_groups_fini(&groups);
    }
    endpwent();
    struct hp_groups none;
    hp_groups_of(4292967295u, &none);
    assert_int_equal(none.count, 0);
    hp_groups_fini(&none);
}

static void each_kind_needs_one_right(void **state)
{
    (void)state;
    for (int kind = 0; kind < HP_KIND_COUNT; kind++) {
        bool changes = kind == HP_KIND_PUSH || kind == HP_KIND_REVERT || kind == HP_KIND_CONFIRM;
        enum hp_right right = changes ? HP_RIGHT_PATCH : kind == HP_KIND_EVAL ? HP_RIGHT_EVAL : HP_RIGHT_READ;
        assert_int_equal(hp_right_of_kind((enum hp_kind)kind), right);
    }
    struct hp_request *request = request_of(HP_KIND_DIFF, "x");
    assert_int_equal(hp_right_needed(request), HP_RIGHT_READ);
    request->options.atomic = true;
    assert_int_equal(hp_right_needed(request), HP_RIGHT_PATCH);
    request->options.atomic = false;
    request->options.max_pause_ms = 1e6;
    assert_int_equal(hp_right_needed(request), HP_RIGHT_PATCH);
    request->kind = HP_KIND_EVAL;
    assert_int_equal(hp_right_needed(request), HP_RIGHT_EVAL);
    hp_request_free(request);
}

/* --- start ------------------------------------------------------------------------------------ */

static void start_says_what_is_wrong(void **state)
{
    (void)state;
    lua_State *L = new_state();
    fails_lua(L, "hotpatch.start { rights = true }", "'rights' should be a table and is a boolean");
    fails_lua(L, "hotpatch.start { rights = { write = {} } }", "rights takes read, patch and eval");
    fails_lua(L, "hotpatch.start { rights = { 'tls' } }", "rights takes read, patch and eval");
    fails_lua(L, "hotpatch.start { rights = { read = 7 } }", "'rights.read' should be a list of strings");
    fails_lua(L, "hotpatch.start { rights = { patch = { 7 } } }",
              "'rights.patch' should be a list of strings");
    fails_lua(L, "hotpatch.start { rights = { read = { 'user:no such one' } } }", "there is no user");
    fails_lua(L, "hotpatch.start { rights = { patch = { 'everybody' } } }", "'everybody' is none of");
    run_lua(L, "hotpatch.start { rights = { read = 'tls', patch = {}, eval = true } }");
    run_lua(L, "hotpatch.stop()");
    run_lua(L, "hotpatch.start { rights = { eval = false } }");
    lua_close(L);
}

static enum hp_status eval_status(int fd, char *text, size_t size)
{
    struct hp_report report;
    struct hp_request *request = request_of(HP_KIND_EVAL, "e");
    request->code = (struct hp_bytes){"return 1", 8};
    client_request(fd, request);
    hp_request_free(request);
    assert_true(client_report(fd, &report));
    enum hp_status status = report.status;
    snprintf(text, size, "%s", report.error ? report.error->text : "");
    hp_report_fini(&report);
    return status;
}

static void eval_is_off_for_its_owner_too(void **state)
{
    char text[200];
    (void)state;
    lua_State *L = new_state();
    run_lua(L, "hotpatch.start { rights = { eval = false } }");
    assert_int_equal(hotpatch_poll(L), 0);
    int fd = client_connect(own_socket());
    assert_int_equal(eval_status(fd, text, sizeof text), HP_DENIED);
    assert_string_equal(text, "eval is switched off in this server");
    assert_int_equal(ask_and_get(fd, HP_KIND_STATUS, "s"), HP_OK);
    ask(fd, HP_KIND_PUSH, "p");
    assert_int_equal(serve(L), 1);
    assert_int_equal(get_status(fd, "p"), HP_APPLIED);
    close(fd);
    lua_close(L);
}

static void a_directory_for_others(void **state)
{
    static const struct {
        mode_t mode;
        const char *problem;
    } cases[] = {{0700, NULL},  {0755, NULL},        {0775, NULL},
                 {01777, NULL}, {0777, "chmod o-w"}, {0702, "anybody can put another socket"}};
    char dir[sizeof folder + 8];
    struct hp_why why;
    (void)state;
    snprintf(dir, sizeof dir, "%s/open", folder);
    assert_false(hp_rundir_check_shared(dir, &why));
    assert_non_null(strstr(why.text, "install -d"));
    assert_int_equal(mkdir(dir, 0700), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(chmod(dir, cases[i].mode), 0);
        assert_int_equal(hp_rundir_check_shared(dir, &why), cases[i].problem == NULL);
        if (cases[i].problem)
            assert_non_null(strstr(why.text, cases[i].problem));
    }
    if (geteuid() == 0) {
        assert_int_equal(chmod(dir, 0755), 0);
        assert_int_equal(chmod(folder, 0755), 0);
        assert_int_equal(seteuid(4243), 0);
        bool usable = hp_rundir_check_shared(dir, &why);
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(chmod(folder, 0700), 0);
        assert_false(usable);
        assert_non_null(strstr(why.text, "(user 4243) cannot make a socket"));
        assert_int_equal(chown(dir, 4242, 4242), 0);
        assert_false(hp_rundir_check_shared(dir, &why));
        assert_non_null(strstr(why.text, "belongs to user 4242"));
    }
    assert_int_equal(rmdir(dir), 0);
}

static int setup(void **state)
{
    (void)state;
    folder_make();
    fake_reset();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_none_said_the_owner_root_and_tls_may_all),
        cmocka_unit_test(those_named_may_what_they_are_named_for),
        cmocka_unit_test(a_list_takes_from_tls_what_it_does_not_name),
        cmocka_unit_test(eval_switched_off_is_off_for_all),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(names_are_looked_up),
        cmocka_unit_test(groups_are_those_that_id_tells),
        cmocka_unit_test(each_kind_needs_one_right),
        cmocka_unit_test_setup_teardown(start_says_what_is_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(eval_is_off_for_its_owner_too, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_for_others, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
