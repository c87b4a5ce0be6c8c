/* json_arena: reads JSON into a tree on an arena, and says what is in it and what the arena has for it.

       cc -Iinclude -o json_arena examples/json_arena.c -lmetes
       ./json_arena file.json        without a file it reads a document that it makes itself

   Every node, string and array of the tree is a piece of the arena. Nothing is freed one by one: when a document is done,
   one reset frees it all, and the next one is read into the same memory. What was built of a document that turns out to
   be wrong is taken back by a rewind. */

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metes.h"

enum kind { NUL, BOOLEAN, NUMBER, STRING, ARRAY, OBJECT, KINDS };

struct value {
    enum kind kind;
    union {
        bool boolean;
        double number;
        const char *string;
        struct {
            struct member *first;
            size_t count;
        } members;
    };
};

/* An element of an array, whose name is NULL, or of an object. */
struct member {
    struct member *next;
    const char *name;
    struct value *value;
};

struct parser {
    metes_arena *arena;
    const char *at;
    const char *error;
    int depth;
};

enum { DEEPEST = 200 };

static void *fail(struct parser *parser, const char *error) {
    if (!parser->error) parser->error = error;
    return NULL;
}

static void *allocate(struct parser *parser, size_t bytes) {
    void *piece = metes_arena_alloc(parser->arena, bytes);
    return piece ? piece : fail(parser, "out of memory");
}

static void skip_blanks(struct parser *parser) {
    while (isspace((unsigned char)*parser->at)) parser->at++;
}

static bool take(struct parser *parser, char wanted) {
    skip_blanks(parser);
    if (*parser->at != wanted) return false;
    parser->at++;
    return true;
}

static struct value *parse_value(struct parser *parser);

static int hex_digits(const char *text) {
    int number = 0;
    for (int k = 0; k < 4; k++) {
        if (!isxdigit((unsigned char)text[k])) return -1;
        number = number * 16 + (isdigit((unsigned char)text[k]) ? text[k] - '0' : tolower(text[k]) - 'a' + 10);
    }
    return number;
}

static char *put_utf8(char *out, unsigned code) {
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3f));
    } else {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    }
    return out;
}

/* What an escape stands for, behind the backslash; NULL if it is none. Pairs of surrogates are left as two characters. */
static char *put_escape(struct parser *parser, char *out) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found = *parser->at ? strchr(from, *parser->at) : NULL;
    if (found) {
        parser->at++;
        *out++ = to[found - from];
        return out;
    }
    int code = *parser->at == 'u' ? hex_digits(parser->at + 1) : -1;
    if (code < 0) return fail(parser, "not an escape");
    parser->at += 5;
    return put_utf8(out, (unsigned)code);
}

/* The text shrinks when it is unescaped: it is the last piece, so what is too much goes back. */
static const char *parse_string(struct parser *parser) {
    if (!take(parser, '"')) return fail(parser, "a string was expected");
    size_t room = 1;
    for (const char *end = parser->at; *end && *end != '"'; end++, room++)
        if (*end == '\\' && end[1]) end++, room++;
    char *text = metes_arena_aligned_alloc(parser->arena, 1, room), *out = text;
    if (!text) return fail(parser, "out of memory");
    while (*parser->at != '"') {
        if ((unsigned char)*parser->at < 0x20) return fail(parser, "a string without an end");
        if (*parser->at != '\\') {
            *out++ = *parser->at++;
            continue;
        }
        parser->at++;
        if (!(out = put_escape(parser, out))) return NULL;
    }
    parser->at++;
    *out++ = '\0';
    return metes_arena_realloc(parser->arena, text, room, (size_t)(out - text));
}

static struct value *parse_members(struct parser *parser, struct value *value, char end) {
    struct member **last = &value->members.first;
    value->members.first = NULL;
    value->members.count = 0;
    if (take(parser, end)) return value;
    do {
        struct member *member = allocate(parser, sizeof *member);
        if (!member) return NULL;
        *member = (struct member){0};
        if (end == '}' && (!(member->name = parse_string(parser)) || !take(parser, ':')))
            return fail(parser, "a name and a colon were expected");
        if (!(member->value = parse_value(parser))) return NULL;
        *last = member;
        last = &member->next;
        value->members.count++;
    } while (take(parser, ','));
    return take(parser, end) ? value : fail(parser, "a comma or the end of a list was expected");
}

static bool word(struct parser *parser, const char *wanted) {
    size_t length = strlen(wanted);
    if (strncmp(parser->at, wanted, length)) return false;
    parser->at += length;
    return true;
}

static struct value *parse_scalar(struct parser *parser, struct value *value) {
    char *end;
    if (word(parser, "null")) {
        value->kind = NUL;
    } else if (word(parser, "true")) {
        value->kind = BOOLEAN;
        value->boolean = true;
    } else if (word(parser, "false")) {
        value->kind = BOOLEAN;
        value->boolean = false;
    } else if (*parser->at == '-' || isdigit((unsigned char)*parser->at)) {
        value->kind = NUMBER;
        value->number = strtod(parser->at, &end);
        if (end == parser->at) return fail(parser, "not a number");
        parser->at = end;
    } else {
        return fail(parser, "a value was expected");
    }
    return value;
}

static struct value *parse_value(struct parser *parser) {
    struct value *value = allocate(parser, sizeof *value);
    if (!value) return NULL;
    if (++parser->depth > DEEPEST) return fail(parser, "too deep");
    skip_blanks(parser);
    if (*parser->at == '"') {
        value->kind = STRING;
        if (!(value->string = parse_string(parser))) return NULL;
    } else if (take(parser, '[')) {
        value->kind = ARRAY;
        value = parse_members(parser, value, ']');
    } else if (take(parser, '{')) {
        value->kind = OBJECT;
        value = parse_members(parser, value, '}');
    } else {
        value = parse_scalar(parser, value);
    }
    parser->depth--;
    return value;
}

/* The tree of a document. NULL if it is wrong: then the arena has nothing of it, and `error` says what, in the arena. */
static struct value *parse(metes_arena *arena, const char *text, const char **error) {
    struct metes_arena_mark mark = metes_arena_mark(arena);
    struct parser parser = {.arena = arena, .at = text};
    struct value *value = parse_value(&parser);
    skip_blanks(&parser);
    if (value && *parser.at) value = fail(&parser, "more behind the end");
    if (!value) {
        metes_arena_rewind(arena, mark);
        *error = metes_arena_printf(arena, "at byte %zu: %s", (size_t)(parser.at - text), parser.error);
    }
    return value;
}

static void count(const struct value *value, size_t counts[KINDS]) {
    counts[value->kind]++;
    if (value->kind != ARRAY && value->kind != OBJECT) return;
    for (const struct member *member = value->members.first; member; member = member->next) count(member->value, counts);
}

static const char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    size_t size = 0, room = 1 << 16, got;
    char *text = malloc(room + 1);
    if (!file || !text) return NULL;
    while ((got = fread(text + size, 1, room - size, file)) > 0)
        if ((size += got) == room && !(text = realloc(text, (room *= 2) + 1))) return NULL;
    fclose(file);
    text[size] = '\0';
    return text;
}

static const char *make_document(metes_arena *arena) {
    static const char entry[] = "{\"id\": %d, \"name\": \"caf\\u00e9 \\\"%d\\\"\", \"tags\": [\"a\", \"b\", null], \"on\": true}";
    size_t room = 10000 * 100, size = 0;
    char *text = metes_arena_alloc(arena, room);
    if (!text) return NULL;
    for (int k = 0; k < 10000; k++) {
        size += (size_t)sprintf(text + size, "%c\n", k ? ',' : '[');
        size += (size_t)sprintf(text + size, entry, k, k);
    }
    strcpy(text + size, "\n]\n");
    return text;
}

static void report(metes_arena *arena, const struct value *tree) {
    static const char *const names[KINDS] = {"nulls", "booleans", "numbers", "strings", "arrays", "objects"};
    size_t counts[KINDS] = {0};
    struct metes_arena_stats stats;
    count(tree, counts);
    for (int kind = 0; kind < KINDS; kind++) printf("%zu %s%s", counts[kind], names[kind], kind == KINDS - 1 ? "\n" : ", ");
    metes_arena_stats(arena, &stats, sizeof stats);
    printf("%zu bytes in use, %zu held in %zu chunks, which malloc was asked for %llu times\n", stats.used, stats.held, stats.chunks,
           (unsigned long long)stats.requests);
}

int main(int argc, char **argv) {
    metes_arena *arena = metes_arena_new(NULL), *input = metes_arena_new(NULL);
    const char *text = argc > 1 ? read_file(argv[1]) : input ? make_document(input) : NULL, *error;
    if (!arena || !text) {
        perror(argc > 1 ? argv[1] : "metes_arena_new");
        return 1;
    }
    for (int round = 0; round < 3; round++) {
        struct value *tree = parse(arena, text, &error);
        if (!tree) {
            fprintf(stderr, "%s\n", error);
            return 1;
        }
        report(arena, tree);
        metes_arena_reset(arena);
    }
    if (!parse(arena, "{\"half\": [1, 2", &error)) printf("%s; %zu bytes in use\n", error, metes_arena_used(arena));
    metes_arena_destroy(arena);
    metes_arena_destroy(input);
    if (argc > 1) free((char *)text);
    return 0;
}
