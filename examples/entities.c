/* The entities of a small game, in a pool: a world of sparks and of emitters that throw them.
 *
 *     cc -O2 examples/entities.c -o entities -lmetes && ./entities 600
 *
 * A frame visits what lives, in the order of addresses, so the processor reads memory from one end to the other. Whatever dies during the visit is freed
 * there and then. What is born takes the lowest free place, so the living stay together; a quiet world gives its empty slabs back.
 */
#include <metes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum kind { EMITTER, SPARK };

struct entity {
    enum kind kind;
    int frames_left;
    float x, y, dx, dy;
};

struct world {
    struct metes_pool *entities;
    uint64_t random;
    int frame;
    int sparks, emitters;
    long born, died;
};

static unsigned roll(struct world *world, unsigned below) {
    world->random = world->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(world->random >> 33) % below;
}

static struct entity *spawn(struct world *world, enum kind kind, float x, float y, int frames) {
    struct entity *entity = metes_pool_alloc(world->entities);
    if (!entity) return NULL; /* As many live as may: this one is not born. */
    float dx = (float)roll(world, 200) / 100 - 1, dy = (float)roll(world, 200) / 100 - 1;
    *entity = (struct entity){kind, frames, x, y, dx, dy};
    world->born++;
    return entity;
}

static void kill(struct world *world, struct entity *entity) {
    metes_pool_free(world->entities, entity);
    world->died++;
}

/* One entity's turn. It may die in it, and others may be born. */
static int update(void *object, void *argument) {
    struct entity *entity = object;
    struct world *world = argument;
    if (--entity->frames_left < 0) {
        kill(world, entity);
        return 0;
    }
    if (entity->kind == EMITTER) {
        world->emitters++;
        for (int i = 0; i < 4; i++) spawn(world, SPARK, entity->x, entity->y, 10 + (int)roll(world, 50));
    } else {
        world->sparks++;
        entity->dy += 0.01f;
    }
    entity->x += entity->dx;
    entity->y += entity->dy;
    return 0;
}

static void frame(struct world *world) {
    world->sparks = world->emitters = 0;
    if (world->frame < 300 && world->frame % 3 == 0) spawn(world, EMITTER, (float)roll(world, 640), 480, 100);
    metes_pool_for_each(world->entities, update, world);
    if (++world->frame % 100 == 0) {
        struct metes_pool_stats stats;
        size_t given_back = metes_pool_trim(world->entities);
        metes_pool_stats(world->entities, &stats, sizeof stats);
        printf("frame %3d: %2d emitters, %4d sparks, %zu slabs, %zu KiB given back\n", world->frame, world->emitters, world->sparks,
               stats.slabs, given_back >> 10);
    }
}

int main(int argc, char **argv) {
    int frames = argc > 1 ? atoi(argv[1]) : 600;
    struct metes_pool_options options = {.size = sizeof options, .limit = 100000};
    struct world world = {.entities = metes_pool_new(sizeof(struct entity), &options), .random = 1};
    if (!world.entities) {
        perror("entities");
        return 1;
    }
    for (int i = 0; i < frames; i++) frame(&world);
    size_t alive = metes_pool_count(world.entities);
    printf("%ld were born, %ld died, %zu live\n", world.born, world.died, alive);
    const char *broken = metes_pool_check(world.entities);
    if (broken) fprintf(stderr, "entities: %s\n", broken);
    metes_pool_destroy(world.entities);
    return broken != NULL || world.born - world.died != (long)alive;
}
