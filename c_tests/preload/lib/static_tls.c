// Takes most of the room that ld.so keeps for thread-local memory of libraries opened late.
static __thread char room[1024] __attribute__((tls_model("initial-exec")));

char *static_tls_room(void) {
    room[0]++;
    return room;
}
