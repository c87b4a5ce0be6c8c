// SQLite in four threads, each with a database of its own in memory. Prints what the queries say, thread by thread.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "sqlite3.h"

enum { THREADS = 4, ROWS = 20000 };

static char *said[THREADS];

static void run(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
        exit(1);
    }
}

static void *work(void *argument) {
    long number = (long)argument;
    sqlite3 *db;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK)
        exit(1);
    run(db, "create table t (key integer primary key, word text, bytes blob)");
    run(db, "begin");
    for (int row = 0; row < ROWS; row++) {
        char *sql = sqlite3_mprintf("insert into t values (%d, 'word %d', zeroblob(%d))", row,
                                    (int)((row * 7919 + number) % 1000), row % 500);
        run(db, sql);
        sqlite3_free(sql);
    }
    run(db, "commit");
    run(db, "create index by_word on t (word)");
    run(db, "delete from t where key % 3 = 0");
    run(db, "vacuum");
    sqlite3_stmt *query;
    const char *sql = "select count(*), sum(length(bytes)), group_concat(distinct word) from "
                      "(select * from t order by word, key)";
    if (sqlite3_prepare_v2(db, sql, -1, &query, NULL) != SQLITE_OK || sqlite3_step(query) != SQLITE_ROW)
        exit(1);
    said[number] = sqlite3_mprintf("%d %d %.200s", sqlite3_column_int(query, 0),
                                   sqlite3_column_int(query, 1), sqlite3_column_text(query, 2));
    sqlite3_finalize(query);
    sqlite3_close(db);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    for (long k = 0; k < THREADS; k++)
        if (pthread_create(&threads[k], NULL, work, (void *)k) != 0)
            return 1;
    for (int k = 0; k < THREADS; k++) {
        pthread_join(threads[k], NULL);
        puts(said[k]);
        sqlite3_free(said[k]);
    }
    return 0;
}
