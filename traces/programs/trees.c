/* What a compiler is given: enough headers, and functions that it inlines and unrolls. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

struct node { struct node *left, *right; char name[16]; double weight; };

static struct node *find(struct node *node, const char *name)
{
    while (node && strcmp(node->name, name))
        node = strcmp(node->name, name) > 0 ? node->left : node->right;
    return node;
}

static double sum(const struct node *node) { return node ? node->weight + sum(node->left) + sum(node->right) : 0; }

#define MATRIX(n) \
    static void multiply##n(double a[n][n], double b[n][n], double c[n][n]) \
    { \
        for (int i = 0; i < n; i++) \
            for (int j = 0; j < n; j++) { \
                c[i][j] = 0; \
                for (int k = 0; k < n; k++) c[i][j] += a[i][k] * b[k][j]; \
            } \
    } \
    double trace##n(double a[n][n], double b[n][n]) \
    { \
        double c[n][n], all = 0; \
        multiply##n(a, b, c); \
        for (int i = 0; i < n; i++) all += sqrt(fabs(c[i][i])) * (i % 3 ? 1 : -1); \
        switch ((int)all) { case 1: return all; case 2: return -all; case 7: return all * 2; default: return all / n; } \
    }

MATRIX(2) MATRIX(3) MATRIX(4) MATRIX(5) MATRIX(6) MATRIX(7) MATRIX(8) MATRIX(9) MATRIX(10) MATRIX(11) MATRIX(12)
MATRIX(13) MATRIX(14) MATRIX(15) MATRIX(16) MATRIX(17) MATRIX(18) MATRIX(19) MATRIX(20) MATRIX(21) MATRIX(22)

int main(int argc, char **argv)
{
    struct node root = { 0 };
    for (int i = 1; i < argc; i++)
        if (!find(&root, argv[i])) fprintf(stderr, "%s: %s\n", argv[i], strerror(ENOENT));
    return sum(&root) > 0;
}
