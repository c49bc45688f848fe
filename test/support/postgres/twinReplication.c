/*
 * Loaded by the Flexible Server twin alone: a member of azure_pg_admin may give itself REPLICATION (and take it away),
 * as on the real service, where Azure changed the server. PostgreSQL refuses that even with CREATEROLE, and neither SQL
 * nor event triggers can change it. Compiled where there is a C compiler, without PostgreSQL's headers: the
 * declarations below are those of its src/include (fmgr.h, tcop/utility.h, miscadmin.h, utils/acl.h).
 */
#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef unsigned int Oid;

#if PG_MAJOR >= 14
#define PARAMETERS void *statement, const char *query, bool read_only, int context, void *params, void *env, void *dest, void *completion
#define ARGUMENTS statement, query, read_only, context, params, env, dest, completion
#else
#define PARAMETERS void *statement, const char *query, int context, void *params, void *env, void *dest, void *completion
#define ARGUMENTS statement, query, context, params, env, dest, completion
#endif

typedef void (*Utility)(PARAMETERS);
extern Utility ProcessUtility_hook;
extern void standard_ProcessUtility(PARAMETERS);
extern Oid GetUserId(void);
extern void GetUserIdAndSecContext(Oid *user, int *context);
extern void SetUserIdAndSecContext(Oid user, int context);
extern char *GetUserNameFromId(Oid role, bool missing_ok);
extern Oid get_role_oid(const char *name, bool missing_ok);
extern bool is_member_of_role(Oid member, Oid role);

#define BOOTSTRAP_SUPERUSER 10

struct Abi {
	int version, max_arguments, max_keys, name_length, float8_by_value;
#if PG_MAJOR >= 15
	char extra[32];
#endif
};
struct Magic {
	int length;
	struct Abi abi;
#if PG_MAJOR >= 18
	const char *name, *module_version;
#endif
};

const struct Magic *Pg_magic_func(void) {
	static const struct Magic magic = {
		sizeof(struct Magic),
		{ PG_MAJOR * 100, 100, 32, 64, 1,
#if PG_MAJOR >= 15
		  "PostgreSQL"
#endif
		},
#if PG_MAJOR >= 18
		"twin", "1",
#endif
	};
	return &magic;
}

static bool of_itself(const char *query) {
	static const char *const pattern =
		"^[[:space:]]*ALTER[[:space:]]+(ROLE|USER)[[:space:]]+(\"?)([A-Za-z0-9_]+)\"?([[:space:]]+WITH)?[[:space:]]+(NO)?REPLICATION[[:space:]]*;?[[:space:]]*$";
	regex_t compiled;
	regmatch_t part[4];
	bool own = false;
	if (regcomp(&compiled, pattern, REG_EXTENDED | REG_ICASE) != 0) return false;
	if (regexec(&compiled, query, 4, part, 0) == 0) {
		const char *user = GetUserNameFromId(GetUserId(), false);
		size_t length = (size_t)(part[3].rm_eo - part[3].rm_so);
		const char *name = query + part[3].rm_so;
		own = (strlen(user) == length && strncmp(user, name, length) == 0) ||
			(length == strlen("CURRENT_USER") && strncasecmp(name, "CURRENT_USER", length) == 0);
	}
	regfree(&compiled);
	return own;
}

static void utility(PARAMETERS) {
	Oid admins = get_role_oid("azure_pg_admin", true);
	Oid user;
	int security;
	if (admins == 0 || !of_itself(query) || !is_member_of_role(GetUserId(), admins)) {
		standard_ProcessUtility(ARGUMENTS);
		return;
	}
	/* An error rolls the transaction back, and with it the change of the user. */
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSER, security);
	standard_ProcessUtility(ARGUMENTS);
	SetUserIdAndSecContext(user, security);
}

void _PG_init(void) { ProcessUtility_hook = utility; }
